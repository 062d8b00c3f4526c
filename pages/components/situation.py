"""What a run is in at this moment, read once and drawn by several parts: its state, what was asked of it, whether it gets on."""

from dataclasses import dataclass
from typing import Literal

from engine.errors import NotFound
from engine.jobs import watching
from engine.store import attempts, queue, records, runs
from engine.store.records import PAUSE, STOP
from engine.store.runs import FAULTS, UNDER_WAY, Run, State
from pages.components.state import store
from pages.components.words import t

Colour = Literal["gray", "green", "orange", "red"]
COLOURS: dict[State, Colour] = {State.RUNNING: "green", State.STOPPED: "orange", **dict.fromkeys(FAULTS, "red")}
# What takes the engine's time, now or soon.
ACTIVE = (State.QUEUED, *UNDER_WAY)
# As much of a run as decides which buttons and cards there are.
Mark = tuple[State, int] | None


@dataclass(frozen=True)
class Situation:
    """A run, or none; `asked` what it was asked and has not done yet, `stalled` seconds without a step, `ahead` runs before it."""

    run: Run | None
    asked: Literal["stop", "pause"] | None = None
    stalled: float | None = None
    ahead: int | None = None

    @property
    def mark(self) -> Mark:
        """What a page has to be drawn anew for."""
        return None if self.run is None else (self.run.state, self.run.attempt)

    @property
    def crashed(self) -> bool:
        """Whether it waits to be tried again after a crash."""
        return self.run is not None and self.run.state is State.QUEUED and self.run.crashes > 0 and self.run.reason is not None

    @property
    def faulty(self) -> bool:
        """Whether something has gone wrong that a person should read about."""
        return self.crashed or self.stalled is not None or (self.run is not None and self.run.state in FAULTS)


def look(number: int | None) -> Situation:
    """How a run stands now; a number that names none is as no run."""
    if number is None:
        return Situation(None)
    try:
        run = runs.get(store(), number)
    except NotFound:
        return Situation(None)
    if run.state is State.QUEUED:
        return Situation(run, ahead=queue.ahead(store(), number))
    if run.state not in UNDER_WAY:
        return Situation(run)
    return Situation(run, asked(number), watching.stalled(store(), number))


def asked(number: int) -> Literal["stop", "pause"] | None:
    """What the attempt under way was asked to do; a stop outdoes a pause."""
    attempt = attempts.current(store(), number)
    said = set() if attempt is None else records.asked(store(), attempt.claim)
    return "stop" if STOP in said else "pause" if PAUSE in said else None


def followed(run: Run | None) -> int:
    """The attempt that a chart follows; for a queued run the one to come, so that it listens before that begins."""
    return 0 if run is None else run.attempt + (run.state is State.QUEUED)


def chip(now: Situation) -> tuple[str, Colour]:
    """The state in a word, and its colour."""
    assert now.run is not None
    if now.asked is not None:
        return t("ui.stopping" if now.asked == "stop" else "ui.pausing"), "gray"
    if now.stalled is not None:
        return t("ui.state.stalled"), "orange"
    return t(f"ui.state.{now.run.state}"), COLOURS.get(now.run.state, "gray")
