"""Deleting runs: all rows in one transaction, the folders aside before it is committed, their files last.

A folder lies under its number only while its run has a row: a deletion that is killed before the rows are gone is undone by the
next one, a later death leaves only a folder with a trash name, which the next one removes. Knows no process.
"""

import contextlib
import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from engine import faults
from engine.config.model import RUN
from engine.errors import NotFound, Refused, StoreError
from engine.folders import shown
from engine.plain_files import is_folder
from engine.store import numbering
from engine.store.connect import Store
from engine.store.home import Home
from engine.store.runs import UNDER_WAY, WAITING, State, number_of
from engine.store.tables import lineage, metadata, runs

TRASH = ".deleted-"


@dataclass(frozen=True)
class Deleted:
    """The runs that are gone, and the folders whose files the system would not give up."""

    runs: list[int]
    left: list[Path]


def check(store: Store, numbers: Collection[int]) -> None:
    """Raises what `delete` would raise now."""
    with store.read() as connection:
        _require_deletable(connection, sorted(set(numbers)))


def delete(store: Store, numbers: Collection[int]) -> Deleted:
    """Delete ended runs with everything they left behind.

    Raises NotFound, and Refused for a run that has not ended, for one from which runs outside `numbers` come and for one with whose
    weights such a run begins that has not ended; nothing is deleted then.
    """
    wanted = sorted(set(numbers))
    if not wanted:
        return Deleted([], [])
    try:
        with store.write() as connection:
            _give_back(connection, store.home)
            _require_deletable(connection, wanted)
            _delete_rows(connection, wanted)
            for number in wanted:
                _set_aside(store.home, number)
            gone = trash(store.home)  # nobody else's deletion is half done now: we hold the writers' lock
            faults.point("delete.before_commit")
    except OSError as error:
        with store.write() as connection:
            _give_back(connection, store.home)
        raise StoreError("command.delete_failed", message=shown(str(error))) from error
    faults.point("delete.before_files")
    return Deleted(wanted, [folder for folder in gone if not _remove(folder)])


def trash(home: Home) -> list[Path]:
    """Folders of deleted runs whose files are still there."""
    return sorted(home.runs.glob(f"{TRASH}*"))


def _require_deletable(connection: sa.Connection, wanted: list[int]) -> None:
    states = {row.id: row.state for row in connection.execute(sa.select(runs.c.id, runs.c.state).where(runs.c.id.in_(wanted)))}
    for number in wanted:
        if number not in states:
            raise NotFound("errors.no_such_run", run=number)
        if not State(states[number]).ended:
            raise Refused("command.delete_not_ended", run=number, state=states[number])
    descent = sa.select(lineage.c.parent, lineage.c.run).where(lineage.c.parent.in_(wanted), lineage.c.run.not_in(wanted))
    children = connection.execute(descent.order_by(lineage.c.parent, lineage.c.run)).all()
    if children:
        first = children[0][0]
        names = ", ".join(str(child) for parent, child in children if parent == first)
        raise Refused("command.delete_parent", run=first, children=names)
    _require_unawaited(connection, wanted)


def _require_unawaited(connection: sa.Connection, wanted: list[int]) -> None:
    """Raises Refused for a run whose weights another one may still ask for: until its end, since it may have to begin anew."""
    weights = runs.c.config["model"]["weights"].as_string()
    living = sa.select(runs.c.id, weights.label("weights")).where(runs.c.state.in_((*WAITING, *UNDER_WAY)), weights.startswith(RUN))
    heirs = connection.execute(living.order_by(runs.c.id)).all()
    for number in wanted:
        waiting = [str(heir.id) for heir in heirs if heir.weights == f"{RUN}{number}"]
        if waiting:
            raise Refused("command.delete_donor", run=number, waiting=", ".join(waiting))


def _delete_rows(connection: sa.Connection, wanted: list[int]) -> None:
    """Of every table that points at runs, whichever there are; the runs last."""
    for table in reversed(metadata.sorted_tables):
        for column in table.columns:
            if table is not runs and column.references(runs.c.id):
                connection.execute(sa.delete(table).where(column.in_(wanted)))
    connection.execute(sa.delete(runs).where(runs.c.id.in_(wanted)))
    numbering.retire(connection, max(wanted))


def _give_back(connection: sa.Connection, home: Home) -> None:
    """Give back the folders of a deletion that was killed before its rows were gone. The writers' lock keeps out a living one."""
    for number, folder in _numbered(home):
        known = connection.execute(sa.select(runs.c.id).where(runs.c.id == number)).scalar() is not None
        if known and not home.run(number).exists():
            folder.rename(home.run(number))


def _numbered(home: Home) -> Iterator[tuple[int, Path]]:
    for folder in trash(home):
        number = number_of(folder.name.removeprefix(TRASH).partition(".")[0])
        if number is not None and is_folder(folder):
            yield number, folder


def _set_aside(home: Home, number: int) -> None:
    aside = home.runs / f"{TRASH}{home.run(number).name}"
    _remove(aside)  # of an earlier run of this number; a folder is not renamed over a full one
    with contextlib.suppress(FileNotFoundError):
        home.run(number).rename(aside)


def _remove(folder: Path) -> bool:
    """Whether it is gone; a link is removed, never what it leads to."""
    try:
        folder.unlink() if folder.is_symlink() or folder.is_file() else shutil.rmtree(folder)
    except FileNotFoundError:
        return not folder.exists()
    except OSError:
        return False
    return True
