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


def packed_after(connection: sa.Connection, run: int, since: int = 0) -> list[tuple[str, Columns]]:
    """Those packed that come after a cursor, in parts with the name of their series."""
    query = sa.select(series.c.name, series.c.data).where(series.c.run == run, series.c.last_seq > since)
    parts = [(row.name, blobs.unpacked(row.data)) for row in connection.execute(query.order_by(series.c.first_seq))]
    return [(name, each.where(slice(int(each.seq.searchsorted(since, side="right")), None))) for name, each in parts]


def everything(connection: sa.Connection, run: int) -> dict[str, Columns]:
    """All of them, by series, in order of `seq`."""
    parts: dict[str, list[Columns]] = {}
    for name, points in (*packed_after(connection, run), *loose(connection, run).items()):
        parts.setdefault(name, []).append(points)
    return {name: blobs.joined(each) for name, each in parts.items()}
