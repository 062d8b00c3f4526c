"""The points of a run's series, wherever they lie: as rows while it runs, as blobs when it has ended."""

import math
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from engine.store import blobs
from engine.store.blobs import Columns
from engine.store.tables import metrics, series

# Asked eight times a second for every watched run: putting a statement together costs more than running it.
_PACKED = (series.c.run == sa.bindparam("run"), series.c.last_seq > sa.bindparam("since"))
_HEADS = sa.select(series.c.first_seq, series.c.last_seq, series.c.points).where(*_PACKED).order_by(series.c.last_seq)
_PARTS = sa.select(series.c.name, series.c.data).where(*_PACKED, series.c.first_seq <= sa.bindparam("until")).order_by(series.c.first_seq)


def loose(connection: sa.Connection, run: int) -> dict[str, Columns]:
    """Those that are rows, by series."""
    columns = [metrics.c[name] for name in ("series", *Columns._fields)]
    rows: dict[str, list[Sequence[Any]]] = {}
    for row in connection.execute(sa.select(*columns).where(metrics.c.run == run).order_by(metrics.c.seq)):
        rows.setdefault(row[0], []).append(row[1:])
    return {name: blobs.columns(points) for name, points in rows.items()}


def packed_after(connection: sa.Connection, run: int, since: int = 0, most: float = math.inf) -> list[tuple[str, Columns]]:
    """Those packed that come after a cursor, in parts with the name of their series; at least the first `most`."""
    until = _enough(connection, run, since, most)
    if until == since:
        return []
    rows = connection.execute(_PARTS, {"run": run, "since": since, "until": until})
    parts = [(row.name, blobs.unpacked(row.data)) for row in rows]
    return [(name, each.where(slice(int(each.seq.searchsorted(since, side="right")), None))) for name, each in parts]


def _enough(connection: sa.Connection, run: int, since: int, most: float) -> int:
    """A `seq` up to which there are surely `most` packed points after the cursor, or the last there is; the cursor when there is none."""
    total, until = 0, since
    for first, last, points in connection.execute(_HEADS, {"run": run, "since": since}):
        total, until = total + (points if first > since else 0), int(last)
        if total >= most:
            break
    return until


def everything(connection: sa.Connection, run: int) -> dict[str, Columns]:
    """All of them, by series, in order of `seq`."""
    parts: dict[str, list[Columns]] = {}
    for name, points in (*packed_after(connection, run), *loose(connection, run).items()):
        parts.setdefault(name, []).append(points)
    return {name: blobs.joined(each) for name, each in parts.items()}
