"""What is to be done about an attempt under way, judged from what the store and the process table say. Starts and ends nothing."""

import time
from typing import Literal

from engine.jobs.identity import alive, boot_id
from engine.jobs.terms import HEARTBEAT
from engine.store import attempts, records, runs
from engine.store.attempts import Attempt
from engine.store.connect import Store
from engine.store.records import PAUSE, STOP
from engine.store.runs import Claim

# Heartbeats that may be missed before a process that is gone is given up.
MISSED = 5
# Seconds without a step after which a run is called stalled, or this many of its own epochs.
STALLED = 60.0
STALLED_EPOCHS = 3
# A worker asked to stop or to pause finishes its step or evaluation and its writing; after so many seconds it is ended.
PATIENCE = 20.0
# Seconds beyond its time limit after which a run that does not stop by itself is ended.
GRACE = 30.0
MINUTE = 60.0

Finding = Literal["never began", "gone", "ignores stop", "ignores pause", "over time"]


class Watch:
    """Remembers since when a worker has been asked to leave, and when one of another boot was last heard."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.boot = boot_id()
        self.since: dict[Claim, float] = {}
        self.heard: dict[Claim, tuple[float | None, float]] = {}

    def look(self, attempt: Attempt, ours: bool) -> Finding | None:
        """What is wrong with an attempt; `ours` when its process is our child, whose end is seen by its exit code."""
        if attempt.identity is None:
            return "never began"
        if not ours and not alive(attempt.identity):
            return "gone" if self._silent(attempt, attempt.identity.boot) > MISSED * HEARTBEAT else None
        return self._ignored(attempt.claim) or self._over_time(attempt)

    def forget(self, under_way: list[Attempt]) -> None:
        """Keep no memory of attempts that have ended."""
        claims = {attempt.claim for attempt in under_way}
        self.since = {claim: since for claim, since in self.since.items() if claim in claims}
        self.heard = {claim: heard for claim, heard in self.heard.items() if claim in claims}

    def _silent(self, attempt: Attempt, boot: str) -> float:
        """Seconds since anything was heard of it; of another boot, perhaps of another machine, as long as we have been listening."""
        if boot == self.boot:
            return attempt.silent(boot)
        now = time.monotonic()
        beat, since = self.heard.get(attempt.claim, (None, now))
        if beat != attempt.heartbeat or attempt.claim not in self.heard:
            self.heard[attempt.claim] = (attempt.heartbeat, now)
            return 0.0
        return now - since

    def _ignored(self, claim: Claim) -> Finding | None:
        asked = records.asked(self.store, claim)
        if not asked or time.monotonic() - self.since.setdefault(claim, time.monotonic()) <= PATIENCE:
            return None
        return "ignores stop" if STOP in asked else "ignores pause" if PAUSE in asked else None

    def _over_time(self, attempt: Attempt) -> Finding | None:
        limit = runs.get(self.store, attempt.claim.run).knobs["time_limit"] * MINUTE
        if not limit or attempt.began is None or attempt.identity is None or attempt.identity.boot != self.boot:
            return None
        return "over time" if time.monotonic() - attempt.began > limit + GRACE else None


def stalled(store: Store, number: int) -> float | None:
    """Seconds for which the training of a run has not got on though its process lives; None while it does, or is not under way."""
    attempt = attempts.current(store, number)
    if attempt is None or attempt.identity is None or not alive(attempt.identity):
        return None
    summary, boot = runs.get(store, number).summary, boot_id()
    epoch = (summary.get("seconds") or 0.0) / max(summary.get("epoch") or 0, 1)
    idle = attempt.idle(boot)
    return idle if idle > max(STALLED, STALLED_EPOCHS * epoch) or attempt.silent(boot) > MISSED * HEARTBEAT else None
