"""Questions to the servant and its answers: asked once by equal key, taken newest first, answered, forgotten when old.

Knows no question's meaning but which kinds are slow. A form's newer question of a kind withdraws its older one; a question that
nobody waits for any longer is gone.
"""

import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa

from engine.store.connect import Store
from engine.store.tables import requests

# `again`: its servant died over it, so it waits for the last time; `last`: worked on for the last time.
WAITING, WORKING, AGAIN, LAST, DONE, FAILED = "waiting", "working", "again", "last", "done", "failed"
OPEN, UNDER_WAY, ANSWERED = (WAITING, AGAIN), (WORKING, LAST), (DONE, FAILED)
# A person looks at a preview at once and at measurements later.
SLOW = ("probe", "range")
# Answers kept, and bytes of pictures among them.
KEPT, KEPT_BYTES = 200, 64 * 2**20
# A failure may be mended, so it is asked anew after so many seconds; what ended two servants would end the third.
STALE, DEADLY_STALE = 2.0, 600.0
DIED = "servant.died"
# Seconds for which a measurement of this machine counts; other answers stay true.
TRUE_FOR = {"probe": 600.0}

Shown = Literal["waiting", "working", "done", "failed"]
_SHOWN: dict[str, Shown] = {WAITING: "waiting", AGAIN: "waiting", WORKING: "working", LAST: "working", DONE: "done", FAILED: "failed"}


@dataclass(frozen=True)
class Question:
    """A question being worked on."""

    key: str
    kind: str
    payload: dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """How a question stands. `reason` says what is wrong with a failed one; times are seconds since the epoch."""

    key: str
    kind: str
    state: Shown
    answer: dict[str, Any] | None
    picture: bytes | None
    reason: dict[str, Any] | None
    asked_at: float
    answered_at: float | None

    @property
    def ready(self) -> bool:
        """Whether nothing more will come."""
        return self.state in ANSWERED


def put(store: Store, question: Question, form: str | None = None) -> bool:
    """Ask, or share what is asked or answered already; True when there is something to do for the servant.

    `form` names who looks at it: its older open questions of this kind are withdrawn. None: it must be answered.
    """
    with store.write() as connection:
        if form is not None:
            _withdraw(connection, question, form)
        row = connection.execute(sa.select(requests).where(requests.c.key == question.key)).one_or_none()
        if row is None:
            fresh = {"key": question.key, "kind": question.kind, "payload": _asked(question.payload, [form])}
            connection.execute(sa.insert(requests).values(fresh | _anew()))
            return True
        if row.state in ANSWERED and not _outdated(row):
            return False
        forms = [form] if row.state in ANSWERED else [*row.payload["forms"], form]
        change: dict[str, Any] = {"payload": _asked(question.payload, forms)}
        change |= _anew() if row.state in ANSWERED else {"asked_at": time.time()}
        connection.execute(sa.update(requests).where(requests.c.key == question.key).values(change))
        return True


def _asked(payload: Mapping[str, Any], forms: Iterable[str | None]) -> dict[str, Any]:
    """The stored question: what is asked, and the forms that wait for it."""
    return {"question": dict(payload), "forms": sorted(set(forms), key=lambda form: form or "")}


def _anew() -> dict[str, Any]:
    return {"state": WAITING, "answer": sa.null(), "picture": None, "asked_at": time.time(), "answered_at": None}


def _outdated(row: Any) -> bool:
    if row.state == DONE:
        true_for = TRUE_FOR.get(row.kind)
        return true_for is not None and time.time() - row.answered_at > true_for
    rest = DEADLY_STALE if row.answer["key"] == DIED else STALE
    return time.time() - row.answered_at > rest


def _withdraw(connection: sa.Connection, question: Question, form: str) -> None:
    open_ones = sa.select(requests).where(requests.c.kind == question.kind, requests.c.state.in_((*OPEN, *UNDER_WAY)))
    for row in connection.execute(open_ones.where(requests.c.key != question.key)).all():
        left = [other for other in row.payload["forms"] if other != form]
        this = requests.c.id == row.id
        if not left:
            connection.execute(sa.delete(requests).where(this))
        elif len(left) < len(row.payload["forms"]):
            connection.execute(sa.update(requests).where(this).values(payload=_asked(row.payload["question"], left)))


def take(store: Store, besides: Collection[str] = ()) -> Question | None:
    """The newest open question, those of slow kinds after all others and none of the kinds `besides`, from now on worked on."""
    slow = sa.case((requests.c.kind.in_(SLOW), 1), else_=0)
    mine = sa.select(requests).where(requests.c.state.in_(OPEN), requests.c.kind.not_in(besides))
    query = mine.order_by(slow, requests.c.asked_at.desc(), requests.c.id.desc()).limit(1)
    with store.read() as connection:
        if connection.execute(query).one_or_none() is None:
            return None
    with store.write() as connection:
        row = connection.execute(query).one_or_none()
        if row is None:
            return None
        state = WORKING if row.state == WAITING else LAST
        connection.execute(sa.update(requests).where(requests.c.id == row.id).values(state=state))
    return Question(row.key, row.kind, row.payload["question"])


def pending(store: Store) -> bool:
    """Whether there is a question that has no answer yet."""
    with store.read() as connection:
        open_ones = sa.select(requests.c.id).where(requests.c.state.in_((*OPEN, *UNDER_WAY))).limit(1)
        return connection.execute(open_ones).first() is not None


def wanted(store: Store, key: str) -> bool:
    """Whether anybody still waits for a question."""
    with store.read() as connection:
        return connection.execute(sa.select(requests.c.id).where(requests.c.key == key)).one_or_none() is not None


def finish(store: Store, key: str, answer: Mapping[str, Any], picture: bytes | None = None) -> None:
    """Answer a question, unless it has been withdrawn."""
    _close(store, key, DONE, {"answer": dict(answer), "picture": picture})


def fail(store: Store, key: str, reason: Mapping[str, Any]) -> None:
    """Say why a question cannot be answered: `{"key": ..., "fields": {...}}`."""
    _close(store, key, FAILED, {"answer": dict(reason), "picture": None})


def _close(store: Store, key: str, state: str, values: dict[str, Any]) -> None:
    with store.write() as connection:
        this = sa.update(requests).where(requests.c.key == key, requests.c.state.in_(UNDER_WAY))
        connection.execute(this.values(values | {"state": state, "answered_at": time.time()}))
        _prune(connection)


def _prune(connection: sa.Connection) -> None:
    """Forget old answers: those beyond the newest 200, and those whose pictures no longer fit."""
    size = sa.func.coalesce(sa.func.length(requests.c.picture), 0)
    newest = sa.select(requests.c.id, size.label("size")).where(requests.c.state.in_(ANSWERED))
    total, old = 0, []
    for place, row in enumerate(connection.execute(newest.order_by(requests.c.answered_at.desc(), requests.c.id.desc()))):
        total += row.size
        if place >= KEPT or (place and total > KEPT_BYTES):
            old.append(row.id)
    if old:
        connection.execute(sa.delete(requests).where(requests.c.id.in_(old)))


def give_back(store: Store) -> None:
    """The servant goes without a fault of its question: that waits for the next as if it had not been begun."""
    with store.write() as connection:
        _move(connection, WORKING, {"state": WAITING})
        _move(connection, LAST, {"state": AGAIN})


def recover(store: Store) -> None:
    """A servant has died: what it worked on is asked once more, and given up after that. For the next one, when it begins."""
    reason = {"key": DIED, "fields": {}}
    with store.write() as connection:
        _move(connection, LAST, {"state": FAILED, "answer": reason, "answered_at": time.time()})
        _move(connection, WORKING, {"state": AGAIN})


def _move(connection: sa.Connection, state: str, change: dict[str, Any]) -> None:
    connection.execute(sa.update(requests).where(requests.c.state == state).values(change))


def read(store: Store, key: str) -> Answer | None:
    """How a question stands; None when it was withdrawn or forgotten, or never asked."""
    with store.read() as connection:
        row = connection.execute(sa.select(requests).where(requests.c.key == key)).one_or_none()
    if row is None:
        return None
    answer, reason = (None, row.answer) if row.state == FAILED else (row.answer, None)
    return Answer(row.key, row.kind, _SHOWN[row.state], answer, row.picture, reason, row.asked_at, row.answered_at)
