"""The order of the queue: by priority, then by place; a run's place is its number until somebody moves it."""

from collections.abc import Sequence
from typing import Any, Literal

import sqlalchemy as sa

from engine.errors import Refused
from engine.store.connect import Store
from engine.store.runs import Run, State, read_row, run_columns
from engine.store.tables import runs

Where = Literal["first", "up", "down", "last"]
LOW, NORMAL, HIGH = -1, 0, 1
PRIORITIES = {"low": LOW, "normal": NORMAL, "high": HIGH}

_place = sa.func.coalesce(runs.c.place, runs.c.id)


def in_order(query: sa.Select[Any]) -> sa.Select[Any]:
    """A query over runs in the order in which they will start."""
    return query.order_by(runs.c.priority.desc(), _place, runs.c.id)


def queued(store: Store, limit: int | None = None) -> list[Run]:
    """The runs that wait for a slot, the next first; no more than `limit`."""
    query = in_order(sa.select(*run_columns()).where(runs.c.state == State.QUEUED)).limit(limit)
    with store.read() as connection:
        return [read_row(row) for row in connection.execute(query)]


def length(store: Store) -> int:
    """How many runs wait for a slot."""
    with store.read() as connection:
        return int(connection.execute(sa.select(sa.func.count()).where(runs.c.state == State.QUEUED)).scalar_one())


def ahead(store: Store, number: int) -> int:
    """How many queued runs start before this one."""
    here = sa.select(-runs.c.priority, _place, runs.c.id).where(runs.c.id == number)
    with store.read() as connection:
        mine = connection.execute(here).one_or_none()
        if mine is None:
            return 0
        before = sa.tuple_(-runs.c.priority, _place, runs.c.id) < sa.tuple_(*(sa.literal(value) for value in mine))
        return int(connection.execute(sa.select(sa.func.count()).where(runs.c.state == State.QUEUED, before)).scalar_one())


def set_priority(store: Store, number: int, priority: int) -> None:
    """Before (1) or after (-1) all runs of normal priority (0), behind those that are there. Raises Refused when the run is not queued."""
    with store.write() as connection:
        old = connection.execute(sa.select(runs.c.priority).where(runs.c.id == number, runs.c.state == State.QUEUED)).scalar()
        if old is None:
            raise _not_queued(number)
        if old != priority:
            line = _line(connection, priority)
            connection.execute(sa.update(runs).where(runs.c.id == number).values(priority=priority))
            _place_all(connection, [*line, number])


def move(store: Store, number: int, where: Where) -> None:
    """Move a queued run among those of its priority. Raises Refused when it is not queued."""
    with store.write() as connection:
        level = sa.select(runs.c.priority).where(runs.c.id == number).scalar_subquery()
        line = _line(connection, level)
        if number not in line:
            raise _not_queued(number)
        here = line.index(number)
        line.remove(number)
        line.insert({"first": 0, "up": max(here - 1, 0), "down": here + 1, "last": len(line)}[where], number)
        _place_all(connection, line)


def _line(connection: sa.Connection, level: int | sa.ScalarSelect[int]) -> list[int]:
    """The queue of one priority."""
    return list(connection.execute(in_order(sa.select(runs.c.id).where(runs.c.state == State.QUEUED, runs.c.priority == level))).scalars())


def _place_all(connection: sa.Connection, line: Sequence[int]) -> None:
    """Their places from 0 on: below every number still to come, so that a new run stands behind them."""
    change = sa.update(runs).where(runs.c.id == sa.bindparam("number")).values(place=sa.bindparam("at"))
    connection.execute(change, [{"number": number, "at": at} for at, number in enumerate(line)])


def _not_queued(number: int) -> Refused:
    return Refused("errors.not_queued", run=number)
