"""Hysteresis: a signal must hold before it is said and be gone twice as long before it is taken back.

Knows booleans by row, nothing of what they mean. Row t depends on rows <= t only, so a replay says what was said then.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

CLEAR_FACTOR = 2
"""Said after H, taken back after 2 H: a verdict that flickers is believed by nobody."""


@dataclass(frozen=True, eq=False)
class Held:
    """A raw signal `(m,)` under hysteresis; `hold` = H `(m,)` in rows, `clear` = rows without it that end it."""

    raw: np.ndarray
    hold: np.ndarray
    clear: np.ndarray

    @cached_property
    def events(self) -> np.ndarray:
        """+1 where it has held long enough, -1 where it has been gone long enough, else 0, `(m,)`."""
        raised = _run_length(self.raw) >= self.hold
        return np.where(raised, 1, np.where(_run_length(~self.raw) >= self.clear, -1, 0))

    @cached_property
    def state(self) -> np.ndarray:
        """Whether it was being said, at each row `(m,)`: the last event before it was a raise."""
        rows = np.arange(len(self.events))
        last = np.maximum.accumulate(np.where(self.events != 0, rows, 0)) if len(rows) else rows
        return self.events[last] == 1

    @property
    def on(self) -> bool:
        """Whether it is being said at the last row."""
        return bool(len(self.state)) and bool(self.state[-1])

    @property
    def since_row(self) -> int:
        """First row of the stretch that raised what is being said; only while `on`."""
        cleared = np.flatnonzero(self.events == -1)
        start = cleared[-1] + 1 if len(cleared) else 0
        raised = start + int(np.argmax(self.events[start:] == 1))
        return int(raised - _run_length(self.raw)[raised] + 1)


def held(raw: np.ndarray, hold: np.ndarray | int) -> Held:
    """The signal under hysteresis with H = `hold`."""
    lengths = np.broadcast_to(hold, raw.shape)
    return Held(raw, lengths, CLEAR_FACTOR * lengths)


def held_at_once(raw: np.ndarray, hold: int) -> Held:
    """A signal that one row proves (a loss that is no number), taken back after 2 H like the others."""
    return Held(raw, np.ones(len(raw), dtype=int), np.full(len(raw), CLEAR_FACTOR * hold))


def _run_length(raw: np.ndarray) -> np.ndarray:
    """For how many rows in a row it has been true, `(m,)`."""
    rows = np.arange(len(raw))
    return rows - np.maximum.accumulate(np.where(raw, -1, rows)) if len(raw) else rows
