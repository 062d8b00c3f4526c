"""How the store and the run folders beside it are: numbers and names for the doctor. Reads, mends nothing."""

from dataclasses import dataclass

import sqlalchemy as sa

from engine.store.connect import Store
from engine.store.home import Home
from engine.store.keeping import Kept
from engine.store.runs import number_of
from engine.store.tables import checkpoints, runs


@dataclass(frozen=True)
class Beside:
    """Where store and folders disagree: run numbers, and names of checkpoints as `run/name`."""

    without_folder: list[int]
    without_run: list[int]
    without_files: list[str]


def log_bytes(home: Home) -> int:
    """The size of the write-ahead log; 0 when there is none."""
    try:
        return home.database.with_name(f"{home.database.name}-wal").stat().st_size
    except FileNotFoundError:
        return 0


def newest_record(store: Store) -> float | None:
    """When a run was last created, in seconds since the epoch: no clock may be before it."""
    with store.read() as connection:
        return connection.execute(sa.select(sa.func.max(runs.c.created_at))).scalar()


def beside(store: Store) -> Beside:
    """Compare the runs and checkpoints that the store names with the folders. A run that never began has none."""
    with store.read() as connection:
        known = connection.execute(sa.select(runs.c.id, runs.c.summary)).all()
        columns = [checkpoints.c[name] for name in Kept.__dataclass_fields__]
        named = connection.execute(sa.select(checkpoints.c.run, *columns).order_by(checkpoints.c.run)).all()
    folders = folders_of_runs(store.home)
    trained = [number for number, summary in known if summary.get("epoch")]
    gone = [number for number in trained if number not in folders]
    torn = [f"{run}/{rest[0]}" for run, *rest in named if run in folders and not whole(store.home, run, Kept(*rest))]
    return Beside(gone, sorted(folders - {number for number, _ in known}), torn)


def folders_of_runs(home: Home) -> set[int]:
    """The numbers under which folders lie."""
    return {int(folder.name) for folder in home.runs.glob("[0-9]*") if number_of(folder.name) is not None and folder.is_dir()}


def whole(home: Home, run: int, kept: Kept) -> bool:
    """Whether the files of a checkpoint are there in their full size; what they hold is verified when they are used."""
    return home.checkpoint_size(run, kept.name) == kept.bytes
