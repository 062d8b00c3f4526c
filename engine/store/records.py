"""What a run tells while it runs: metrics, events, summary, heartbeat; and what it is asked: commands.

One batch is one transaction behind one fence. Readers go by `seq`, never by step.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from engine.errors import Fenced
from engine.store.connect import Store
from engine.store.runs import UNDER_WAY, Claim
from engine.store.tables import attempts, commands, events, metrics, runs

REWIND = "rewind"
VERDICT = "verdict"
# Rows that a reader gets at once.
PAGE = 20_000


@dataclass(frozen=True)
class Metric:
    """One measured number. `value` None is not finite; `time` is seconds since the epoch."""

    seq: int
    series: str
    step: int
    epoch: int
    value: float | None
    time: float


@dataclass(frozen=True)
class Event:
    """Something that happened: `model`, `skipped`, `verdict`, `rewind`."""

    seq: int
    kind: str
    step: int
    epoch: int
    data: dict[str, Any]
    time: float


@dataclass(frozen=True)
class Batch:
    """What a worker writes at once."""

    metrics: Sequence[Metric] = ()
    events: Sequence[Event] = ()
    summary: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class News:
    """What came after a cursor; `seq` is the next cursor, `more` whether there is something behind it already."""

    seq: int
    metrics: list[Metric]
    events: list[Event]
    more: bool = False


def finite(value: float) -> float | None:
    """The value as the store keeps it: None when it is not finite."""
    return float(value) if math.isfinite(value) else None


def append(store: Store, claim: Claim, batch: Batch) -> list[str]:
    """Write a batch and a heartbeat; take and return the kinds of the commands waiting.

    Raises Fenced when the attempt has ended and StoreBusy when the store cannot write now; nothing is written then.
    """
    with store.write() as connection:
        held = (attempts.c.token == claim.token, attempts.c.state.in_(UNDER_WAY))
        if connection.execute(sa.update(attempts).where(*held).values(heartbeat=time.monotonic())).rowcount == 0:
            raise Fenced(claim.run)
        mark = {"run": claim.run, "attempt": claim.attempt}
        if batch.metrics:
            connection.execute(sa.insert(metrics), [mark | vars(row) for row in batch.metrics])
        if batch.events:
            connection.execute(sa.insert(events), [mark | vars(row) for row in batch.events])
        if batch.summary:
            connection.execute(sa.update(runs).where(runs.c.id == claim.run).values(summary=dict(batch.summary)))
        return _take_commands(connection, claim.run)


def _take_commands(connection: sa.Connection, run: int) -> list[str]:
    waiting = (commands.c.run == run, commands.c.taken_at.is_(None))
    rows = connection.execute(sa.select(commands.c.kind).where(*waiting).order_by(commands.c.id)).scalars().all()
    if rows:
        connection.execute(sa.update(commands).where(*waiting).values(taken_at=time.time()))
    return list(rows)


def command(store: Store, run: int, kind: str) -> None:
    """Ask something of a run under way. Its worker takes it within a tenth of a second."""
    with store.write() as connection:
        connection.execute(sa.insert(commands).values(run=run, kind=kind, created_at=time.time()))


def asked(store: Store, run: int, kind: str) -> bool:
    """Whether a run has ever been asked this."""
    query = sa.select(commands.c.id).where(commands.c.run == run, commands.c.kind == kind).limit(1)
    with store.read() as connection:
        return connection.execute(query).first() is not None


def waiting(store: Store, run: int) -> bool:
    """Whether something has been asked of a run that its worker has not taken."""
    with store.read() as connection:
        query = sa.select(commands.c.id).where(commands.c.run == run, commands.c.taken_at.is_(None)).limit(1)
        return connection.execute(query).first() is not None


def last_seq(store: Store, run: int) -> int:
    """The highest `seq` of a run; 0 when it has told nothing."""
    with store.read() as connection:
        return max(
            connection.execute(sa.select(sa.func.coalesce(sa.func.max(t.c.seq), 0)).where(t.c.run == run)).scalar_one()
            for t in (metrics, events)
        )


def read(store: Store, run: int, since: int = 0, limit: int = PAGE) -> News:
    """What a run told after the cursor `since`, in order of `seq`; at most `limit` metrics, then `more` is true."""
    with store.read() as connection, connection.begin():
        connection.exec_driver_sql("BEGIN")
        numbers = [Metric(*row) for row in connection.execute(_after(metrics, Metric, run, since).limit(limit))]
        until = numbers[-1].seq if len(numbers) == limit else None
        query = _after(events, Event, run, since)
        happened = [Event(*row) for row in connection.execute(query if until is None else query.where(events.c.seq <= until))]
    seqs = [since, *(row.seq for row in numbers[-1:]), *(row.seq for row in happened[-1:])]
    return News(max(seqs), numbers, happened, until is not None)


def _after(table: sa.Table, row: type[Metric] | type[Event], run: int, since: int) -> sa.Select[Any]:
    columns = [table.c[name] for name in row.__dataclass_fields__]
    return sa.select(*columns).where(table.c.run == run, table.c.seq > since).order_by(table.c.seq)


def history(store: Store, run: int) -> dict[str, list[Metric]]:
    """Every series of a run in order, without what rewinds took back."""
    news = read(store, run, limit=10_000_000)
    series: dict[str, list[Metric]] = {}
    rewinds = [(event.seq, event.step) for event in news.events if event.kind == REWIND]
    for row in news.metrics:
        if not any(seq > row.seq and row.step > step for seq, step in rewinds):
            series.setdefault(row.series, []).append(row)
    return series


def last_event(store: Store, run: int, kind: str) -> Event | None:
    """The newest event of a kind."""
    columns = [events.c[name] for name in Event.__dataclass_fields__]
    query = sa.select(*columns).where(events.c.run == run, events.c.kind == kind).order_by(events.c.seq.desc()).limit(1)
    with store.read() as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None else Event(*row)
