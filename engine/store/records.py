"""What a run tells while it runs: metrics, events, summary, heartbeat; and what it is asked: commands.

One batch is one transaction behind one fence. Readers go by `seq`, never by step.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sqlalchemy as sa

from engine.errors import Fenced
from engine.store.blobs import Columns
from engine.store.connect import Store
from engine.store.keeping import Kept, keep
from engine.store.points import everything, packed_after
from engine.store.runs import UNDER_WAY, Claim
from engine.store.tables import attempts, commands, events, metrics, runs, series

REWIND = "rewind"
VERDICT = "verdict"
MODEL = "model"
# The commands: end the run; save where it is and free its slot; do that at the end of the epoch.
STOP, PAUSE, STEP = "stop", "pause", "step"
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
    """Something that happened: `model`, `weights`, `stage`, `skipped`, `verdict`, `rewind`."""

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
    checkpoints: Sequence[Kept] = ()
    summary: Mapping[str, Any] = field(default_factory=dict)
    progress: float | None = None  # when training last got on, in seconds of the monotonic clock


@dataclass(frozen=True)
class Answer:
    """What a writer hears back: kinds of commands asked of its attempt; checkpoints whose files may go now."""

    commands: list[str]
    dropped: list[str]


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


def append(store: Store, claim: Claim, batch: Batch) -> Answer:
    """Write a batch and a heartbeat; take the commands waiting.

    Raises Fenced when the attempt has ended and StoreBusy when the store cannot write now; nothing is written then. Only of a
    connection that breaks at the very end nobody knows: the same rows may be sent again, and stand there once.
    """
    with store.write() as connection:
        held = (attempts.c.token == claim.token, attempts.c.state.in_(UNDER_WAY))
        beat = {"heartbeat": time.monotonic()} | ({} if batch.progress is None else {"progress": batch.progress})
        if connection.execute(sa.update(attempts).where(*held).values(beat)).rowcount == 0:
            raise Fenced(claim.run)
        _put(connection, claim, metrics, batch.metrics)
        _put(connection, claim, events, batch.events)
        if batch.summary:
            connection.execute(sa.update(runs).where(runs.c.id == claim.run).values(summary=dict(batch.summary)))
        dropped = keep(connection, claim, batch.checkpoints) if batch.checkpoints else []
        return Answer(_take_commands(connection, claim), dropped)


def _put(connection: sa.Connection, claim: Claim, table: sa.Table, rows: Sequence[Metric] | Sequence[Event]) -> None:
    """Write rows, in place of those that this attempt has sent before; of another attempt's it replaces none."""
    if rows:
        seqs = [row.seq for row in rows]
        again = (table.c.run == claim.run, table.c.attempt == claim.attempt, table.c.seq.between(min(seqs), max(seqs)))
        connection.execute(sa.delete(table).where(*again))
        connection.execute(sa.insert(table), [{"run": claim.run, "attempt": claim.attempt} | vars(row) for row in rows])


def _take_commands(connection: sa.Connection, claim: Claim) -> list[str]:
    rows = connection.execute(sa.select(commands.c.kind).where(*_waiting(claim)).order_by(commands.c.id)).scalars().all()
    if rows:
        connection.execute(sa.update(commands).where(*_waiting(claim)).values(taken_at=time.time()))
    return list(rows)


def _waiting(claim: Claim) -> tuple[sa.ColumnElement[bool], ...]:
    return (commands.c.run == claim.run, commands.c.attempt == claim.attempt, commands.c.taken_at.is_(None))


def command(store: Store, run: int, kind: str) -> bool:
    """Ask something of the attempt that is under way; False when there is none. Its worker takes it within a tenth of a second."""
    now = sa.select(runs.c.id, runs.c.attempt, sa.literal(kind), sa.literal(time.time())).where(
        runs.c.id == run, runs.c.state.in_(UNDER_WAY)
    )
    ask = sa.insert(commands).from_select(["run", "attempt", "kind", "created_at"], now).returning(commands.c.id)
    with store.write() as connection:
        return connection.execute(ask).first() is not None


def asked(store: Store, claim: Claim) -> set[str]:
    """Everything that has been asked of an attempt."""
    query = sa.select(commands.c.kind).where(commands.c.run == claim.run, commands.c.attempt == claim.attempt)
    with store.read() as connection:
        return set(connection.execute(query).scalars())


def waiting(store: Store, claim: Claim) -> bool:
    """Whether something has been asked of an attempt that its worker has not taken."""
    with store.read() as connection:
        return connection.execute(sa.select(commands.c.id).where(*_waiting(claim)).limit(1)).first() is not None


def last_seq(store: Store, run: int) -> int:
    """The highest `seq` of a run; 0 when it has told nothing."""
    with store.snapshot() as connection:
        return max(
            connection.execute(sa.select(sa.func.coalesce(sa.func.max(seq), 0)).where(seq.table.c.run == run)).scalar_one()
            for seq in (metrics.c.seq, events.c.seq, series.c.last_seq)
        )


def _after(table: sa.Table, row: type[Metric] | type[Event]) -> sa.Select[Any]:
    columns = [table.c[name] for name in row.__dataclass_fields__]
    return sa.select(*columns).where(table.c.run == sa.bindparam("run"), table.c.seq > sa.bindparam("since")).order_by(table.c.seq)


_METRICS = _after(metrics, Metric).limit(sa.bindparam("limit"))
_EVENTS = _after(events, Event)
_EVENTS_UNTIL = _EVENTS.where(events.c.seq <= sa.bindparam("until"))


def read(store: Store, run: int, since: int = 0, limit: int = PAGE) -> News:
    """What a run told after the cursor `since`, in order of `seq`; at most `limit` metrics, then `more` is true."""
    asked = {"run": run, "since": since}
    with store.snapshot() as connection:
        numbers = _numbers(connection, run, since, limit)
        until = numbers[-1].seq if len(numbers) == limit else None
        rows = connection.execute(_EVENTS, asked) if until is None else connection.execute(_EVENTS_UNTIL, asked | {"until": until})
        happened = [Event(*row) for row in rows]
    seqs = [since, *(row.seq for row in numbers[-1:]), *(row.seq for row in happened[-1:])]
    return News(max(seqs), numbers, happened, until is not None)


def _numbers(connection: sa.Connection, run: int, since: int, limit: int) -> list[Metric]:
    """The next `limit` metrics, rows and packed ones together."""
    rows = [Metric(*row) for row in connection.execute(_METRICS, {"run": run, "since": since, "limit": limit})]
    packed = packed_after(connection, run, since, limit)
    if not packed:
        return rows
    seqs = np.sort(np.concatenate([points.seq for _, points in packed]))
    until = seqs[min(limit, len(seqs)) - 1]
    first = [row for name, points in packed for row in _metrics(name, points.where(points.seq <= until))]
    return sorted([*first, *rows], key=lambda row: row.seq)[:limit]


def _metrics(name: str, points: Columns) -> list[Metric]:
    columns = (points.seq.tolist(), points.step.tolist(), points.epoch.tolist(), points.values, points.time.tolist())
    return [Metric(seq, name, step, epoch, value, time) for seq, step, epoch, value, time in zip(*columns, strict=True)]


def history(store: Store, run: int) -> dict[str, list[Metric]]:
    """Every series of a run in order, without what rewinds took back."""
    return {name: _metrics(name, points) for name, points in curves(store, run).items()}


def curves(store: Store, run: int) -> dict[str, Columns]:
    """The same as columns of numbers, a hundred times faster; NaN where a value is not finite."""
    rewinds = sa.select(events.c.seq, events.c.step).where(events.c.run == run, events.c.kind == REWIND).order_by(events.c.seq)
    with store.snapshot() as connection:
        found = everything(connection, run)
        taken_back = [tuple(row) for row in connection.execute(rewinds)]
    kept = {name: _without(points, taken_back) for name, points in sorted(found.items(), key=lambda item: item[1].seq[0])}
    return {name: points for name, points in kept.items() if len(points.seq)}


def _without(points: Columns, rewinds: Sequence[tuple[int, ...]]) -> Columns:
    """A point stays when no later rewind goes back to before its step: the lowest step of those to come decides."""
    if not rewinds:
        return points
    seqs, steps = np.array(rewinds, np.int64).T
    lowest = np.append(np.minimum.accumulate(steps[::-1])[::-1], np.iinfo(np.int64).max)
    return points.where(points.step <= lowest[seqs.searchsorted(points.seq, side="right")])


def last_event(store: Store, run: int, kind: str) -> Event | None:
    """The newest event of a kind."""
    columns = [events.c[name] for name in Event.__dataclass_fields__]
    query = sa.select(*columns).where(events.c.run == run, events.c.kind == kind).order_by(events.c.seq.desc()).limit(1)
    with store.read() as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None else Event(*row)


def told(store: Store, run: int, kinds: Sequence[str]) -> list[Event]:
    """The events of some kinds, in order."""
    with store.read() as connection:
        return [Event(*row) for row in connection.execute(_EVENTS.where(events.c.kind.in_(kinds)), {"run": run, "since": 0})]
