"""A run's history made ready for the rules: clean arrays, smoothed curves, the gap. Every row is causal.

Knows no verdict. A row is an epoch at which validation and probe loss were recorded and finite.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from engine.diagnosis import quantities as q
from engine.diagnosis.history import History, Series
from engine.statistics.proportions import newcombe

LOSSES = ("val_loss", "probe_loss", "train_loss")
SERIES = (*LOSSES, "val_accuracy", "probe_accuracy")
HOLD_MIN = 3
"""Epochs that any signal must hold: one or two are noise."""
HOLD_SHARE = 0.05
"""Long runs wait longer: 5 % of the epochs so far."""


@dataclass(frozen=True, eq=False)
class Case:
    """One history and the quantities derived from it, each computed when first asked for."""

    history: History

    @cached_property
    def n(self) -> int:
        """Epochs so far: the longest series."""
        return max(len(getattr(self.history, name)) for name in SERIES)

    @cached_property
    def losses(self) -> dict[str, np.ndarray]:
        """The three losses `(n,)`, NaN where nothing finite was recorded."""
        return {name: _padded(getattr(self.history, name), self.n) for name in LOSSES}

    @cached_property
    def broken(self) -> np.ndarray:
        """`(n,)`: an epoch at which a loss was recorded and was not a finite number."""
        flags = np.zeros(self.n, dtype=bool)
        for name in LOSSES:
            series = getattr(self.history, name)
            flags[: len(series)] |= _recorded(series) & ~np.isfinite(self.losses[name][: len(series)])
        return flags

    @cached_property
    def rows(self) -> np.ndarray:
        """Indices of the epochs `(m,)` that can be judged."""
        return np.flatnonzero(np.isfinite(self.losses["val_loss"]) & np.isfinite(self.losses["probe_loss"]))

    @property
    def m(self) -> int:
        """How many epochs can be judged."""
        return len(self.rows)

    def epoch(self, row: int) -> int:
        """The 1-based epoch of a row."""
        return int(self.rows[row]) + 1

    @cached_property
    def smoothed(self) -> q.Smooth:
        """Validation loss, probe loss, validation accuracy, probe accuracy, smoothed together: one pass is four times as fast."""
        accuracies = [np.clip(_padded(series, self.n), 0, 1) for series in (self.history.val_accuracy, self.history.probe_accuracy)]
        return q.smooth(np.stack([self.losses["val_loss"], self.losses["probe_loss"], *accuracies])[:, self.rows])

    @property
    def val(self) -> np.ndarray:
        """~validation loss `(m,)`."""
        return self.smoothed.now[0]

    @property
    def val_best(self) -> np.ndarray:
        """Lowest ~validation loss so far `(m,)`."""
        return self.smoothed.then[0]

    @property
    def probe(self) -> np.ndarray:
        """~probe loss `(m,)`."""
        return self.smoothed.now[1]

    @property
    def probe_then(self) -> np.ndarray:
        """~probe loss at the lowest validation loss so far `(m,)`."""
        return self.smoothed.then[1]

    @property
    def val_accuracy(self) -> np.ndarray:
        """~validation accuracy `(m,)`."""
        return self.smoothed.now[2]

    @property
    def probe_accuracy(self) -> np.ndarray:
        """~probe accuracy `(m,)`."""
        return self.smoothed.now[3]

    @cached_property
    def gap(self) -> np.ndarray:
        """Probe minus validation accuracy `(m,)`."""
        return self.probe_accuracy - self.val_accuracy

    @cached_property
    def gap_interval(self) -> tuple[np.ndarray, np.ndarray]:
        """Newcombe 95 % interval of the gap, `(m,)` each."""
        return newcombe(self.probe_accuracy, self.history.n_probe, self.val_accuracy, self.history.n_val)

    @cached_property
    def chance(self) -> tuple[float, float]:
        """Loss and accuracy at chance: L0, A0."""
        return q.chance(self.history.class_counts)

    @cached_property
    def best_epoch(self) -> int | None:
        """The epoch of the lowest validation loss inside the best window."""
        if not self.m:
            return None
        last = int(self.smoothed.best_row[-1])
        first = max(0, last - int(q.window_lengths(self.m)[-1]) + 1)
        return self.epoch(first + int(np.argmin(self.losses["val_loss"][self.rows[first : last + 1]])))

    @cached_property
    def hold(self) -> np.ndarray:
        """H `(m,)`: epochs that a signal must hold before it is said."""
        return np.maximum(HOLD_MIN, np.rint(HOLD_SHARE * np.arange(1, self.m + 1))).astype(int)


def finite(series: Series) -> np.ndarray:
    """A series as floats, NaN where it was not recorded or not finite."""
    values = np.asarray(series, dtype=float)
    return np.where(np.isfinite(values), values, np.nan)


def _padded(series: Series, n: int) -> np.ndarray:
    values = finite(series)
    return np.concatenate([values, np.full(n - len(values), np.nan)])


def _recorded(series: Series) -> np.ndarray:
    """Which epochs were recorded at all: None is a gap in the record, NaN is a loss that broke."""
    if isinstance(series, np.ndarray) and series.dtype != object:
        return np.ones(len(series), dtype=bool)
    return np.array([value is not None for value in series], dtype=bool)
