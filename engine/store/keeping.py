"""Which checkpoints of a run are whole on the disk, and which of them stay. Knows no file: the row comes after it and goes before it.

Kept: the last two, the best, and every k epochs when `keep_every` is set.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from engine.errors import NotFound
from engine.store import attempts, settings
from engine.store.connect import Store
from engine.store.runs import Claim
from engine.store.tables import checkpoints, runs

LAST = 2


@dataclass(frozen=True)
class Kept:
    """A checkpoint. `epoch` counts completed epochs, `bytes` all its files, `sha256` is of the file that commits it."""

    name: str
    step: int
    epoch: int
    best: bool
    bytes: int
    sha256: str


_COLUMNS = [checkpoints.c[name] for name in Kept.__dataclass_fields__]


def keep(connection: sa.Connection, claim: Claim, new: Sequence[Kept]) -> list[str]:
    """Write the rows of new checkpoints and take back those that need not stay; their names, whose files may go now.

    A run that gets this far has not crashed in a loop.
    """
    mark = {"run": claim.run, "attempt": claim.attempt, "time": time.time()}
    for one in new:
        connection.execute(sa.delete(checkpoints).where(checkpoints.c.run == claim.run, checkpoints.c.name == one.name))
    connection.execute(sa.insert(checkpoints), [mark | vars(one) for one in new])
    connection.execute(sa.update(runs).where(runs.c.id == claim.run, runs.c.crashes > 0).values(crashes=0))
    dropped = superfluous(_of(connection, claim.run), int(settings.get_in(connection, settings.KEEP_EVERY)))
    if dropped:
        connection.execute(sa.delete(checkpoints).where(checkpoints.c.run == claim.run, checkpoints.c.name.in_(dropped)))
    return dropped


def superfluous(newest_first: Sequence[Kept], every: int) -> list[str]:
    """The names of the checkpoints that need not stay; `every` 0 keeps none for its epoch's sake.

    Of each of the last two, the best before it stays as well: should the newest be damaged, the run goes on from the other.
    """
    last = [one.name for one in newest_first[:LAST]]
    best = [next((one.name for one in newest_first[index:] if one.best), "") for index in range(LAST)]
    # The last one written into the dict counts: of several with the same completed epochs, that at the end of the epoch itself.
    marked = {one.epoch: one.name for one in newest_first if every and one.epoch and one.epoch % every == 0}
    stay = {*last, *best, *marked.values()}
    return [one.name for one in newest_first if one.name not in stay]


def rewind(store: Store, claim: Claim, step: int) -> None:
    """The run goes on from `step`: what lies behind it no longer counts. Raises Fenced when the attempt has ended."""
    with store.write() as connection:
        attempts.require(connection, claim)
        behind = (checkpoints.c.run == claim.run, checkpoints.c.step > step)
        connection.execute(sa.delete(checkpoints).where(*behind))


def forget(store: Store, claim: Claim, name: str) -> None:
    """A checkpoint has been found damaged: it is no longer named. Raises Fenced when the attempt that found it has ended."""
    with store.write() as connection:
        attempts.require(connection, claim)
        connection.execute(sa.delete(checkpoints).where(checkpoints.c.run == claim.run, checkpoints.c.name == name))


def of(store: Store, run: int) -> list[Kept]:
    """The checkpoints of a run, the newest first."""
    with store.read() as connection:
        return _of(connection, run)


def best(store: Store, run: int) -> Kept:
    """The newest checkpoint of a run's best epoch. Raises NotFound."""
    found = next((kept for kept in of(store, run) if kept.best), None)
    if found is None:
        raise NotFound("servant.no_checkpoint", run=run)
    return found


def _of(connection: sa.Connection, run: int) -> list[Kept]:
    query = sa.select(*_COLUMNS).where(checkpoints.c.run == run).order_by(checkpoints.c.attempt.desc(), checkpoints.c.step.desc())
    return [Kept(*row) for row in connection.execute(query)]


def bytes_in_all(store: Store) -> int:
    """What the checkpoints of all runs take on the disk."""
    with store.read() as connection:
        return int(connection.execute(sa.select(sa.func.coalesce(sa.func.sum(checkpoints.c.bytes), 0))).scalar_one())
