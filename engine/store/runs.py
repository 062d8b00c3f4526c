"""Runs: created, claimed, begun, ended, listed. Every change of state is one fenced statement.

Knows no process; the token of an attempt is all that a writer must show.
"""

import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from engine.errors import Fenced, NotFound
from engine.store.connect import Store
from engine.store.tables import attempts, runs, tests


class State(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"
    OUT_OF_MEMORY = "out_of_memory"
    DIVERGED = "diverged"
    LOST = "lost"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self not in (State.QUEUED, *UNDER_WAY, State.PAUSED)


# A run number of more digits is a mistake or an attack.
MOST_DIGITS = 9
UNDER_WAY = (State.STARTING, State.RUNNING)
# Ends that nobody wanted.
FAULTS = (State.FAILED, State.OUT_OF_MEMORY, State.DIVERGED, State.LOST)


@dataclass(frozen=True)
class Run:
    """A run as the store has it. Times are seconds since the epoch; `config` is nested by group."""

    id: int
    name: str
    kind: str
    state: State
    reason: dict[str, Any] | None
    config: dict[str, Any]
    numerics: dict[str, Any] | None
    summary: dict[str, Any]
    attempt: int
    created_at: float
    started_at: float | None
    ended_at: float | None

    @property
    def knobs(self) -> dict[str, Any]:
        """`{knob: value}` without the groups."""
        return {name: value for group in self.config.values() for name, value in group.items()}

    @property
    def seconds_gone(self) -> float | None:
        """Since the run left the queue, until now or its end."""
        return None if self.started_at is None else (self.ended_at or time.time()) - self.started_at

    @property
    def seconds_left(self) -> float | None:
        """At the pace of the epochs done so far; None before the first."""
        done, pace = self.summary.get("epoch", 0), self.summary.get("seconds")
        return pace / done * (self.summary["epochs"] - done) if done and pace else None


def number_of(text: str) -> int | None:
    """The run number that a person or a URL wrote, or None."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS else None


@dataclass(frozen=True)
class Claim:
    """The right to work on a run: whoever holds `token` may write until the attempt ends."""

    run: int
    attempt: int
    token: str


@dataclass(frozen=True)
class TestResult:
    """The test part, evaluated once on the best checkpoint of a finished run."""

    __test__ = False  # not a test class

    epoch: int
    loss: float
    accuracy: float
    images: int


_COLUMNS = [runs.c[name] for name in Run.__dataclass_fields__]


def create(store: Store, config: Mapping[str, Any], version: int, name: str, launch_key: str | None = None) -> int:
    """Queue a training run and return its number. The same `launch_key` twice is the same run."""
    row = {
        "launch_key": launch_key, "name": name, "kind": "train", "state": State.QUEUED, "config": dict(config),
        "config_version": version, "summary": {}, "created_at": time.time(),
    }  # fmt: skip
    with store.write() as connection:
        if launch_key is not None:
            known = connection.execute(sa.select(runs.c.id).where(runs.c.launch_key == launch_key)).scalar()
            if known is not None:
                return known
        return connection.execute(sa.insert(runs).values(row).returning(runs.c.id)).scalar_one()


def get(store: Store, number: int) -> Run:
    """One run. Raises NotFound."""
    with store.read() as connection:
        row = connection.execute(sa.select(*_COLUMNS).where(runs.c.id == number)).one_or_none()
    if row is None:
        raise NotFound("errors.no_such_run", run=number)
    return _run(row)


def listing(store: Store, states: Iterable[State] = (), limit: int | None = None) -> list[Run]:
    """Runs, newest first."""
    query = sa.select(*_COLUMNS).order_by(runs.c.id.desc()).limit(limit)
    wanted = list(states)
    if wanted:
        query = query.where(runs.c.state.in_(wanted))
    with store.read() as connection:
        return [_run(row) for row in connection.execute(query)]


def before(store: Store, number: int) -> int | None:
    """The run created before this one, if there is one."""
    with store.read() as connection:
        return connection.execute(sa.select(sa.func.max(runs.c.id)).where(runs.c.id < number)).scalar()


def _run(row: Any) -> Run:
    values = dict(row._mapping)
    return Run(**values | {"state": State(values["state"])})


def claim(store: Store) -> Claim | None:
    """Take the next queued run, at most once among all claimers; None when the queue is empty."""
    token = secrets.token_hex(16)
    first = sa.select(runs.c.id).where(runs.c.state == State.QUEUED).order_by(runs.c.priority.desc(), runs.c.id).limit(1)
    change = {"state": State.STARTING, "attempt": runs.c.attempt + 1, "token": token, "started_at": time.time()}
    take = sa.update(runs).where(runs.c.id == first.scalar_subquery(), runs.c.state == State.QUEUED).values(change)
    with store.write() as connection:
        row = connection.execute(take.returning(runs.c.id, runs.c.attempt)).one_or_none()
        if row is None:
            return None
        attempt = {"run": row.id, "number": row.attempt, "token": token, "state": State.STARTING, "created_at": time.time()}
        connection.execute(sa.insert(attempts).values(attempt))
    return Claim(row.id, row.attempt, token)


def stop_queued(store: Store, number: int) -> bool:
    """Stop a run that has not been claimed; False when it is too late for that."""
    change = {"state": State.STOPPED, "reason": {"key": "errors.stopped_in_queue", "fields": {}}, "ended_at": time.time()}
    with store.write() as connection:
        return connection.execute(sa.update(runs).where(runs.c.id == number, runs.c.state == State.QUEUED).values(change)).rowcount == 1


def begin(store: Store, claim: Claim, numerics: Mapping[str, Any]) -> None:
    """The run is running. Raises Fenced when others have ended the attempt."""
    holder = (runs.c.id == claim.run, runs.c.token == claim.token, runs.c.state == State.STARTING)
    with store.write() as connection:
        kept = sa.func.coalesce(runs.c.numerics, sa.literal(dict(numerics), sa.JSON))
        if connection.execute(sa.update(runs).where(*holder).values(state=State.RUNNING, numerics=kept)).rowcount == 0:
            raise Fenced(claim.run)
        connection.execute(sa.update(attempts).where(attempts.c.token == claim.token).values(state=State.RUNNING))


def end(store: Store, claim: Claim, state: State, reason: Mapping[str, Any] | None = None) -> bool:
    """End the attempt and its run; False when another had ended it already, and then nothing changes."""
    change = {"state": state, "reason": dict(reason) if reason else None, "ended_at": time.time()}
    holder = (runs.c.id == claim.run, runs.c.token == claim.token, runs.c.state.in_(UNDER_WAY))
    with store.write() as connection:
        if connection.execute(sa.update(runs).where(*holder).values(change | {"token": None})).rowcount == 0:
            return False
        connection.execute(sa.update(attempts).where(attempts.c.token == claim.token).values(change))
    return True


def set_test(store: Store, claim: Claim, result: TestResult) -> None:
    """Keep the test result of a run that is about to finish."""
    held = sa.select(runs.c.id).where(runs.c.id == claim.run, runs.c.token == claim.token)
    row = {"run": claim.run, "time": time.time(), **vars(result)}
    with store.write() as connection:
        if connection.execute(held).one_or_none() is not None:
            connection.execute(sa.delete(tests).where(tests.c.run == claim.run))
            connection.execute(sa.insert(tests).values(row))


def test_result(store: Store, number: int) -> TestResult | None:
    """The test result of a finished run, for showing apart; nothing that decides may read it."""
    columns = [tests.c[name] for name in TestResult.__dataclass_fields__]
    with store.read() as connection:
        row = connection.execute(sa.select(*columns).where(tests.c.run == number)).one_or_none()
    return None if row is None else TestResult(**row._mapping)
