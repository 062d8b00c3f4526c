"""The metrics of an ended run as one blob per series, and back. Readers see each point once, before, while and after.

A run that is tried again gets more rows, and is packed again: more blobs of a series stand behind each other.
"""

from collections.abc import Iterator

import sqlalchemy as sa

from engine.store import blobs
from engine.store.blobs import Columns
from engine.store.connect import Store
from engine.store.points import loose
from engine.store.runs import State
from engine.store.tables import metrics, runs, series

# Points of one blob: a page of a long run is read from the few that it touches.
PART = 5_000
ENDED = tuple(state for state in State if state.ended)


def due(store: Store) -> list[int]:
    """Ended runs whose metrics are rows still."""
    rows = sa.exists().where(metrics.c.run == runs.c.id)
    with store.read() as connection:
        return list(connection.execute(sa.select(runs.c.id).where(runs.c.state.in_(ENDED), rows).order_by(runs.c.id)).scalars())


def pack(store: Store, run: int) -> int:
    """Pack the rows of a run; how many. 0 when there are none, or it has not ended, or has been taken up again meanwhile.

    They are read without the writers' lock: an ended run gets no more rows unless it is tried again, which the count tells.
    """
    with store.snapshot() as connection:
        found = loose(connection, run)
    points = sum(len(each.seq) for each in found.values())
    if not points:
        return 0
    last = max(int(each.seq[-1]) for each in found.values())
    with store.write() as connection:
        mine = metrics.c.run == run
        ended = sa.select(runs.c.id).where(runs.c.id == run, runs.c.state.in_(ENDED))
        if connection.execute(ended).scalar() is None:
            return 0
        if connection.execute(sa.select(sa.func.count(), sa.func.max(metrics.c.seq)).where(mine)).one() != (points, last):
            return 0
        connection.execute(sa.insert(series), [_row(run, name, part) for name, each in found.items() for part in _parts(each)])
        connection.execute(sa.delete(metrics).where(mine))
    return points


def _parts(points: Columns) -> Iterator[Columns]:
    for begin in range(0, len(points.seq), PART):
        yield points.where(slice(begin, begin + PART))


def _row(run: int, name: str, points: Columns) -> dict[str, object]:
    return {
        "run": run, "name": name, "first_seq": int(points.seq[0]), "last_seq": int(points.seq[-1]),
        "points": len(points.seq), "data": blobs.packed(points),
    }  # fmt: skip
