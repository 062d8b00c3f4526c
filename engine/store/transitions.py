"""How runs change state: each change is one fenced statement, and an attempt that has ended never reopens.

queued -> starting -> running -> an end, or paused; paused -> queued; a crashed attempt -> queued again, or an end. Knows no
process; the token of an attempt is all that a writer must show.
"""

import secrets
import time
from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa

from engine.errors import Fenced, Refused
from engine.store.connect import Store
from engine.store.queue import in_order
from engine.store.records import PAUSE, STOP
from engine.store.runs import FAULTS, UNDER_WAY, WAITING, Claim, State, get
from engine.store.tables import attempts, commands, runs

Reason = Mapping[str, Any]
# A run whose attempts crash so often in a row without a new checkpoint is not tried again.
MOST_CRASHES = 3
# What can be taken up again from its last checkpoint. A finished run is whole.
RETRIABLE = (State.STOPPED, *FAULTS)


def claim(store: Store, held: Collection[int] = ()) -> Claim | None:
    """Take the next queued run that is not among the `held`, at most once among all claimers; None when there is none."""
    token = secrets.token_hex(16)
    first = in_order(sa.select(runs.c.id).where(runs.c.state == State.QUEUED, runs.c.id.not_in(held))).limit(1)
    now = time.time()
    change = {
        "state": State.STARTING, "attempt": runs.c.attempt + 1, "token": token,
        "started_at": sa.func.coalesce(runs.c.started_at, now), "reason": sa.null(), "ended_at": None,
    }  # fmt: skip
    take = sa.update(runs).where(runs.c.id == first.scalar_subquery(), runs.c.state == State.QUEUED).values(change)
    with store.write() as connection:
        row = connection.execute(take.returning(runs.c.id, runs.c.attempt)).one_or_none()
        if row is None:
            return None
        attempt = {"run": row.id, "number": row.attempt, "token": token, "state": State.STARTING, "created_at": now}
        connection.execute(sa.insert(attempts).values(attempt))
    return Claim(row.id, row.attempt, token)


def begin(store: Store, claim: Claim, numerics: Mapping[str, Any]) -> None:
    """The run is running; its first numerics stay. Raises Fenced when others have ended the attempt."""
    holder = (runs.c.id == claim.run, runs.c.token == claim.token, runs.c.state == State.STARTING)
    with store.write() as connection:
        kept = sa.func.coalesce(runs.c.numerics, sa.literal(dict(numerics), sa.JSON))
        if connection.execute(sa.update(runs).where(*holder).values(state=State.RUNNING, numerics=kept)).rowcount == 0:
            raise Fenced(claim.run)
        connection.execute(sa.update(attempts).where(attempts.c.token == claim.token).values(state=State.RUNNING))


def end(store: Store, claim: Claim, state: State, reason: Reason | None = None) -> bool:
    """End the attempt and its run (PAUSED: until it is resumed); False when another had ended it already: nothing changes then.

    A stop that was asked of it while it paused holds.
    """
    change = {"state": state, "reason": _kept(reason), "ended_at": time.time()}
    if state is State.PAUSED:
        change |= _unless_asked(claim, sa.literal(State.PAUSED.value), reason)
    return _end(store, claim, state, change, reason) is not None


def crashed(store: Store, claim: Claim, state: State, reason: Reason) -> bool | None:
    """The attempt ended as nobody wanted and may be tried again.

    Its run is queued again, unless a stop or a pause was asked of it meanwhile: that holds then. After MOST_CRASHES such ends in
    a row without a new checkpoint it ends as `state`. True when it was queued again, False when not, None when another had
    ended the attempt already.
    """
    tried = sa.case((runs.c.crashes + 1 < MOST_CRASHES, sa.literal(State.QUEUED.value)), else_=sa.literal(state.value))
    change = {**_unless_asked(claim, tried, reason), "reason": _kept(reason), "crashes": runs.c.crashes + 1}
    left = _end(store, claim, state, change, reason)
    return None if left is None else left is State.QUEUED


def unclaim(store: Store, claim: Claim, reason: Reason) -> bool:
    """Put back a run that no process has taken up; that is nobody's crash. False when the attempt has ended already.

    A stop or a pause that was asked of it meanwhile holds.
    """
    return _end(store, claim, State.LOST, _unless_asked(claim, sa.literal(State.QUEUED.value), None), reason) is not None


def _unless_asked(claim: Claim, state: sa.ColumnElement[str], reason: Reason | None) -> dict[str, Any]:
    """How an attempt that ended by itself leaves its run: in what was asked of it, a stop before a pause, else in `state`."""
    stop, pause = _asked(claim, STOP), _asked(claim, PAUSE)
    left = sa.case((stop, sa.literal(State.STOPPED.value)), (pause, sa.literal(State.PAUSED.value)), else_=state)
    return {
        "state": left,
        "reason": sa.case((stop, _literal("errors.stopped")), else_=sa.literal(reason and dict(reason), sa.JSON(none_as_null=True))),
        "ended_at": sa.case((left == State.QUEUED.value, sa.null()), else_=sa.literal(time.time())),
    }


def _asked(claim: Claim, kind: str) -> sa.ColumnElement[bool]:
    return sa.exists().where(commands.c.run == claim.run, commands.c.attempt == claim.attempt, commands.c.kind == kind)


def _end(store: Store, claim: Claim, state: State, change: Mapping[str, Any], reason: Reason | None) -> State | None:
    """End the attempt as `state`; the state that its run has then, read in the same statement: a claimer may be quick."""
    holder = (runs.c.id == claim.run, runs.c.token == claim.token, runs.c.state.in_(UNDER_WAY))
    with store.write() as connection:
        left = connection.execute(sa.update(runs).where(*holder).values({**change, "token": None}).returning(runs.c.state)).scalar()
        if left is None:
            return None
        ended = {"state": state, "reason": _kept(reason), "ended_at": time.time()}
        connection.execute(sa.update(attempts).where(attempts.c.token == claim.token).values(ended))
    return State(left)


def _kept(reason: Reason | None) -> dict[str, Any] | Any:
    return dict(reason) if reason else sa.null()


def stop_waiting(store: Store, number: int) -> bool:
    """Stop a run that is queued or paused; False when it is neither."""
    reason = sa.case((runs.c.attempt == 0, _literal("errors.stopped_in_queue")), else_=_literal("errors.stopped"))
    return _move(store, number, WAITING, {"state": State.STOPPED, "reason": reason, "ended_at": time.time()})


def _literal(key: str) -> sa.BindParameter[dict[str, Any]]:
    return sa.literal({"key": key, "fields": {}}, sa.JSON)


def pause_queued(store: Store, number: int) -> bool:
    """Keep a queued run from starting; False when it is too late for that."""
    return _move(store, number, (State.QUEUED,), {"state": State.PAUSED, "reason": sa.null()})


def resume(store: Store, number: int) -> None:
    """Queue a paused run. Raises NotFound, and Refused when it is not paused."""
    _require(store, number, (State.PAUSED,), "errors.not_paused")


def step(store: Store, number: int, epoch: int) -> None:
    """Queue a paused run that pauses again at the end of this epoch. Raises NotFound, and Refused when it is not paused."""
    _require(store, number, (State.PAUSED,), "errors.not_paused", pause_after=epoch)


def retry(store: Store, number: int) -> None:
    """Queue a run that was stopped or went wrong; it goes on from its last whole checkpoint. Raises NotFound, Refused."""
    _require(store, number, RETRIABLE, "errors.not_retriable")


def _require(store: Store, number: int, states: Collection[State], refusal: str, pause_after: int | None = None) -> None:
    change = {"state": State.QUEUED, "crashes": 0, "reason": sa.null(), "ended_at": None, "pause_after": pause_after}
    if not _move(store, number, states, change):
        raise Refused(refusal, run=number, state=get(store, number).state)


def _move(store: Store, number: int, states: Collection[State], change: Mapping[str, Any]) -> bool:
    with store.write() as connection:
        moved = connection.execute(sa.update(runs).where(runs.c.id == number, runs.c.state.in_(states)).values(dict(change)))
        return moved.rowcount == 1
