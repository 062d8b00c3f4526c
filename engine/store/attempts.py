"""Attempts and standing processes: who works on what, and when it was last seen.

A process is known by boot id, pid and start time together; ages are of the monotonic clock, so no clock jump ages anyone.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from engine.errors import Fenced
from engine.store.connect import Store
from engine.store.runs import UNDER_WAY, Claim, State
from engine.store.tables import attempts, processes


@dataclass(frozen=True)
class Identity:
    """A process that cannot be mistaken for another, even after its pid is used again."""

    boot: str
    pid: int
    process_start: str


@dataclass(frozen=True)
class Attempt:
    """A try at a run that has not ended. `began`, `heartbeat`, `progress`: seconds of the monotonic clock of its boot."""

    claim: Claim
    state: State
    identity: Identity | None
    began: float | None
    heartbeat: float | None
    progress: float | None

    def silent(self, boot: str) -> float:
        """Seconds since anything was heard of it; infinite when that was before the machine started."""
        return self._since(self.heartbeat, boot)

    def idle(self, boot: str) -> float:
        """Seconds since its training last got on."""
        return self._since(self.progress, boot)

    def _since(self, mark: float | None, boot: str) -> float:
        if self.identity is None or mark is None or self.identity.boot != boot:
            return math.inf
        return max(0.0, time.monotonic() - mark)


@dataclass(frozen=True)
class Presence:
    """A standing process as it last wrote itself down."""

    version: str
    identity: Identity
    heartbeat: float


def assign(store: Store, claim: Claim, identity: Identity) -> None:
    """Write down which process has the attempt. Raises Fenced when that has ended."""
    with store.write() as connection:
        require(connection, claim)
        now = time.monotonic()
        change = asdict(identity) | {"began": now, "heartbeat": now, "progress": now}
        connection.execute(sa.update(attempts).where(attempts.c.token == claim.token).values(change))


def require(connection: sa.Connection, claim: Claim) -> None:
    """Raises Fenced unless the attempt is under way: whoever writes for it asks this first, in the same transaction."""
    held = sa.select(attempts.c.run).where(attempts.c.token == claim.token, attempts.c.state.in_(UNDER_WAY))
    if connection.execute(held).scalar() is None:
        raise Fenced(claim.run)


def under_way(store: Store) -> list[Attempt]:
    """Every attempt that has not ended."""
    with store.read() as connection:
        rows = connection.execute(sa.select(attempts).where(attempts.c.state.in_(UNDER_WAY))).all()
    return [_attempt(dict(row._mapping)) for row in rows]


def current(store: Store, run: int) -> Attempt | None:
    """The attempt of a run that is under way, if there is one."""
    with store.read() as connection:
        query = sa.select(attempts).where(attempts.c.run == run, attempts.c.state.in_(UNDER_WAY))
        row = connection.execute(query).one_or_none()
    return None if row is None else _attempt(dict(row._mapping))


@dataclass(frozen=True)
class Past:
    """A try at a run as it is told to people. Times are seconds since the epoch."""

    number: int
    state: State
    reason: dict[str, Any] | None
    created_at: float
    ended_at: float | None


def told(store: Store, run: int) -> list[Past]:
    """Every attempt at a run, the first first."""
    columns = [attempts.c[name] for name in Past.__dataclass_fields__]
    with store.read() as connection:
        rows = connection.execute(sa.select(*columns).where(attempts.c.run == run).order_by(attempts.c.number)).all()
    return [Past(**dict(row._mapping) | {"state": State(row.state)}) for row in rows]


def _attempt(row: Mapping[str, Any]) -> Attempt:
    identity = Identity(row["boot"], row["pid"], row["process_start"]) if row["pid"] is not None else None
    claim = Claim(row["run"], row["number"], row["token"])
    return Attempt(claim, State(row["state"]), identity, row["began"], row["heartbeat"], row["progress"])


def announce(store: Store, role: str, version: str, identity: Identity) -> None:
    """A standing process says that it is there."""
    row = {"role": role, "version": version, "heartbeat": time.monotonic(), **asdict(identity)}
    with store.write() as connection:
        connection.execute(sa.delete(processes).where(processes.c.role == role))
        connection.execute(sa.insert(processes).values(row))


def withdraw(store: Store, role: str, identity: Identity) -> None:
    """A standing process says that it goes."""
    mine = [processes.c[name] == value for name, value in asdict(identity).items()]
    with store.write() as connection:
        connection.execute(sa.delete(processes).where(processes.c.role == role, *mine))


def presence(store: Store, role: str) -> Presence | None:
    """Who was last seen in a role."""
    with store.read() as connection:
        row = connection.execute(sa.select(processes).where(processes.c.role == role)).one_or_none()
    if row is None:
        return None
    return Presence(row.version, Identity(row.boot, row.pid, row.process_start), row.heartbeat)
