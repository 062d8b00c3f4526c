"""Runs: what one is, created, read, listed. Their changes of state live in `transitions`."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from engine.config.versions import current
from engine.errors import NotFound
from engine.store import numbering
from engine.store.connect import Store
from engine.store.tables import advice, lineage, runs, tests


class State(StrEnum):
    """Where a run stands. `lost`: its process vanished and nobody knows how."""

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
        return self not in (*WAITING, *UNDER_WAY)


# How a changed copy is related to its parent.
CHANGED = "changed"
# A run number of more digits is a mistake or an attack.
MOST_DIGITS = 9
UNDER_WAY = (State.STARTING, State.RUNNING)
# What a run waits in: for a slot, or for somebody to resume it.
WAITING = (State.QUEUED, State.PAUSED)
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
    config_version: int
    numerics: dict[str, Any] | None
    summary: dict[str, Any]
    priority: int
    attempt: int
    crashes: int
    pause_after: int | None
    note: str | None
    created_at: float
    started_at: float | None
    ended_at: float | None

    @property
    def knobs(self) -> dict[str, Any]:
        """`{knob: value}` without the groups."""
        return {name: value for group in self.config.values() for name, value in group.items()}

    @property
    def seconds_left(self) -> float | None:
        """At the pace of the epochs done so far in its stage; None before the first, and while a slower stage is to come."""
        stage = self.summary.get("stage") or {}
        if stage and stage["number"] < stage["stages"]:
            return None
        done, spent = self.summary.get("epoch", 0), self.summary.get("seconds") or 0.0
        epochs, seconds = done - stage.get("begins", 0), spent - stage.get("seconds", 0.0)
        return seconds / epochs * (self.summary["epochs"] - done) if epochs > 0 and seconds > 0 else None


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


def run_columns() -> list[sa.ColumnElement[Any]]:
    """What `read_row` needs."""
    return list(_COLUMNS)


@dataclass(frozen=True)
class Advice:
    """Which verdict prescribed what; both are names of the diagnosis."""

    verdict: str
    prescription: str


@dataclass(frozen=True)
class New:
    """A training run to be queued. `parent` is the run that this one is a changed copy of; at the end of epoch `pause_after` it pauses.

    `numerics` are those it is to inherit; `advice` says which verdict on its parent prescribed it; with the weights of `donor` it begins.
    """

    name: str
    config: Mapping[str, Any]
    config_version: int
    launch_key: str | None = None
    parent: int | None = None
    pause_after: int | None = None
    numerics: Mapping[str, Any] | None = None
    advice: Advice | None = None
    donor: int | None = None


def create(store: Store, new: New) -> int:
    """Queue a training run and return its number. The same `launch_key` twice is the same run.

    Raises NotFound for its parent and its donor.
    """
    row = {
        "launch_key": new.launch_key, "name": new.name, "kind": "train", "state": State.QUEUED, "config": dict(new.config),
        "config_version": new.config_version, "summary": {}, "created_at": time.time(), "pause_after": new.pause_after,
        "numerics": sa.null() if new.numerics is None else dict(new.numerics),
    }  # fmt: skip
    with store.write() as connection:
        if new.launch_key is not None:
            known = connection.execute(sa.select(runs.c.id).where(runs.c.launch_key == new.launch_key)).scalar()
            if known is not None:
                return known
        if new.donor is not None:
            _require(connection, new.donor)
        number = numbering.free(connection)
        numbered = row if number is None else row | {"id": number}
        number = connection.execute(sa.insert(runs).values(numbered).returning(runs.c.id)).scalar_one()
        if new.parent is not None:
            _descend(connection, number, new.parent)
            if new.advice is not None:
                connection.execute(sa.insert(advice).values(run=number, parent=new.parent, **vars(new.advice)))
        return number


def _descend(connection: sa.Connection, number: int, parent: int) -> None:
    _require(connection, parent)
    connection.execute(sa.insert(lineage).values(run=number, parent=parent, relation=CHANGED))


def _require(connection: sa.Connection, number: int) -> None:
    if connection.execute(sa.select(runs.c.id).where(runs.c.id == number)).scalar() is None:
        raise NotFound("errors.no_such_run", run=number)


def children(store: Store, number: int) -> list[int]:
    """The runs that come from this one."""
    with store.read() as connection:
        return list(connection.execute(sa.select(lineage.c.run).where(lineage.c.parent == number).order_by(lineage.c.run)).scalars())


def parents(store: Store, number: int) -> list[int]:
    """The runs that this one comes from."""
    with store.read() as connection:
        return list(connection.execute(sa.select(lineage.c.parent).where(lineage.c.run == number).order_by(lineage.c.parent)).scalars())


def get(store: Store, number: int) -> Run:
    """One run. Raises NotFound."""
    with store.read() as connection:
        row = connection.execute(sa.select(*_COLUMNS).where(runs.c.id == number)).one_or_none()
    if row is None:
        raise NotFound("errors.no_such_run", run=number)
    return read_row(row)


def among(store: Store, numbers: Iterable[int]) -> list[Run]:
    """Those of some runs that there are, by number."""
    query = sa.select(*_COLUMNS).where(runs.c.id.in_(list(numbers))).order_by(runs.c.id)
    with store.read() as connection:
        return [read_row(row) for row in connection.execute(query)]


def listing(store: Store, states: Iterable[State] = (), limit: int | None = None) -> list[Run]:
    """Runs, newest first."""
    query = sa.select(*_COLUMNS).order_by(runs.c.id.desc()).limit(limit)
    wanted = list(states)
    if wanted:
        query = query.where(runs.c.state.in_(wanted))
    with store.read() as connection:
        return [read_row(row) for row in connection.execute(query)]


def before(store: Store, number: int) -> int | None:
    """The run created before this one, if there is one."""
    with store.read() as connection:
        return connection.execute(sa.select(sa.func.max(runs.c.id)).where(runs.c.id < number)).scalar()


def read_row(row: Any) -> Run:
    """A row of `run_columns` as a run; its config has every knob of today."""
    values = dict(row._mapping)
    return Run(**values | {"state": State(values["state"]), "config": current(values["config"], values["config_version"])})


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
