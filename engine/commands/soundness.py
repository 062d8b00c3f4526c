"""The doctor's look at what lies on the disk: the store, the run folders beside it, checkpoints, room."""

import os
import shutil
from collections.abc import Iterator

from engine import strings
from engine.commands.finding import Finding, found, named
from engine.store import budget, damage, deletion, health
from engine.store.connect import VARIABLE, Store, library
from engine.store.tables import SCHEMA_VERSION

GIB, MIB = 2**30, 2**20
LEAST_FREE = 2 * GIB
# A write-ahead log beyond this is not being cut: a reader stands in its way, or no supervisor lives.
LARGE_LOG = 64 * MIB


def look(store: Store) -> list[Finding]:
    """Everything on the disk."""
    return [*_database(store), *_disk(store), *_folders(store)]


def _database(store: Store) -> Iterator[Finding]:
    with store.write():
        pass  # a store that can only be read ends here, in a sentence
    if store.engine.dialect.name == "sqlite":
        used = library()
        key = "wal" if used.journal == "wal" else "journal"
        yield found("store", True, key, path=str(store.home.database), library=used.name, version=used.version)
        faults = damage.check(store)
        yield found("integrity", not faults, "damaged" if faults else "sound", schema=SCHEMA_VERSION, faults="; ".join(faults))
        size = health.log_bytes(store.home)
        yield found("log", size <= LARGE_LOG, "log" if size <= LARGE_LOG else "large_log", size=f"{size / MIB:.1f}")
    else:
        yield found("store", True, "postgres", variable=VARIABLE, place=store.place)
    notice = damage.notice(store)
    yield found("notice", True, "no_notice") if notice is None else Finding("notice", True, strings.reason(notice))


def _disk(store: Store) -> Iterator[Finding]:
    free = shutil.disk_usage(store.home.root).free
    yield found("disk", free >= LEAST_FREE, "disk", free=f"{free / GIB:.1f}", least=f"{LEAST_FREE / GIB:.0f}")
    space = budget.space(store)
    key = "budget" if space.left > 0 else "budget_spent"
    yield found("budget", space.left > 0, key, used=f"{space.used / budget.GB:.2f}", budget=f"{space.budget / budget.GB:.2f}")
    if not os.access(store.home.root, os.W_OK):
        yield found("rights", False, "read_only", path=str(store.home.root))


def _folders(store: Store) -> Iterator[Finding]:
    seen = health.beside(store)
    if seen.without_folder:
        yield found("folders", False, "without_folder", runs=named(seen.without_folder))
    if seen.without_run:
        yield found("strays", False, "without_run", folders=named([store.home.run(number).name for number in seen.without_run]))
    if not seen.without_folder and not seen.without_run:
        yield found("folders", True, "folders")
    left = deletion.trash(store.home)
    if left:
        yield found("trash", True, "trash", folders=named([folder.name for folder in left]))
    if seen.without_files:
        yield found("checkpoints", False, "torn", checkpoints=named(seen.without_files))
    else:
        yield found("checkpoints", True, "checkpoints")
