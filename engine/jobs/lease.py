"""What the supervisor of a folder says of itself in the file of its lock: which store it serves, where it looks for data.

One supervisor serves a folder, whatever $ATHANOR_STORE and $ATHANOR_DATA say to those who ring. Knows no queue.
"""

import logging
from pathlib import Path

from pydantic import BaseModel

from engine.errors import DataError, Refused
from engine.folders import data_roots, find_tree, listed
from engine.jobs.identity import alive, identify
from engine.jobs.terms import SUPERVISOR
from engine.store import attempts
from engine.store.attempts import Identity
from engine.store.connect import Store
from engine.store.home import Home

log = logging.getLogger("athanor.supervisor")


class Lease(BaseModel):
    """`place` is the store for people, `mark` tells it from others; `roots` are the data roots as this process sees them."""

    identity: Identity
    place: str
    mark: str
    roots: list[Path]


def declare(store: Store) -> None:
    """The holder of the lock says what it serves. Written in place: a renamed file would be another lock."""
    roots = [root.absolute() for root in data_roots(store.home.root)]
    told = Lease(identity=identify(), place=store.place, mark=store.mark, roots=roots)
    try:
        store.home.lock.write_text(told.model_dump_json(), encoding="utf-8")
    except (OSError, ValueError) as error:  # a full disk; a root whose name is no text
        log.warning("what this supervisor serves is not told: %s", error)


def held(home: Home) -> Lease | None:
    """What the supervisor that is alive now says; None when there is none, or it says nothing."""
    try:
        found = Lease.model_validate_json(home.lock.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if alive(found.identity) else None


def elsewhere(store: Store) -> Lease | None:
    """The supervisor of this folder when it serves another store than this one. Two addresses may lead to one store."""
    found = held(store.home)
    if found is None or found.mark == store.mark:
        return None
    seen = attempts.presence(store, SUPERVISOR)
    return None if seen is not None and seen.identity == found.identity else found


def require_ours(store: Store) -> None:
    """Raises Refused when the supervisor of this folder would never see what stands in this store."""
    other = elsewhere(store)
    if other is not None:
        raise Refused("errors.other_store", place=store.place, other=other.place, pid=other.identity.pid)


def require_tree(home: Home, name: str) -> None:
    """The dataset folder `name` is there, and the same one for the supervisor that is alive. Raises DataError."""
    mine, found = find_tree(name, data_roots(home.root)), held(home)
    if found is not None and not _finds(found.roots, name, mine):
        raise DataError("data.other_roots", name=name, folder=listed([mine.absolute()]), roots=listed(found.roots), pid=found.identity.pid)


def _finds(roots: list[Path], name: str, folder: Path) -> bool:
    try:
        return find_tree(name, roots).resolve() == folder.resolve()
    except DataError:
        return False
