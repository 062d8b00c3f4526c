"""The points of a run's series, wherever they lie: as rows while it runs, as blobs when it has ended."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from engine.store import blobs
from engine.store.blobs import Columns
from engine.store.tables import metrics, series


def loose(connection: sa.Connection, run: int) -> dict[str, Columns]:
    """Those that are rows, by series."""
    columns = [metrics.c[name] for name in ("series", *Columns._fields)]
    rows: dict[str, list[Sequence[Any]]] = {}
    for row in connection.execute(sa.select(*columns).where(metrics.c.run == run).order_by(metrics.c.seq)):
        rows.setdefault(row[0], []).append(row[1:])
    return {name: blobs.columns(points) for name, points in rows.items()}


def packed_after(connection: sa.Connection, run: int, since: int = 0, most: int | None = None) -> list[tuple[str, Columns]]:
    """Those packed that come after a cursor, in parts with the name of their series; at least the first `most`, where that is given."""
    query = sa.select(series.c.name, series.c.data).where(series.c.run == run, series.c.last_seq > since).order_by(series.c.first_seq)
    until = None if most is None else _enough(connection, run, since, most)
    rows = connection.execute(query if until is None else query.where(series.c.first_seq <= until))
    parts = [(row.name, blobs.unpacked(row.data)) for row in rows]
    return [(name, each.where(slice(int(each.seq.searchsorted(since, side="right")), None))) for name, each in parts]


def _enough(connection: sa.Connection, run: int, since: int, most: int) -> int | None:
    """A `seq` up to which there are surely `most` packed points after the cursor; None when there may be fewer."""
    columns = (series.c.first_seq, series.c.last_seq, series.c.points)
    total = 0
    for first, last, points in connection.execute(
        sa.select(*columns).where(series.c.run == run, series.c.last_seq > since).order_by(series.c.last_seq)
    ):
        total += points if first > since else 0
        if total >= most:
            return int(last)
    return None


def everything(connection: sa.Connection, run: int) -> dict[str, Columns]:
    """All of them, by series, in order of `seq`."""
    parts: dict[str, list[Columns]] = {}
    for name, points in (*packed_after(connection, run), *loose(connection, run).items()):
        parts.setdefault(name, []).append(points)
    return {name: blobs.joined(each) for name, each in parts.items()}
