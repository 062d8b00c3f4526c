"""A run's history made ready for the rules: clean arrays, smoothed curves, the gap. Every row is causal.

Knows no verdict. A row is an epoch at which validation and probe loss were recorded and finite.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
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
IMBALANCE = 3.0
"""Largest to smallest class: at 3 to 1 of two classes always naming the larger is right for 75 %, so balanced accuracy is asked instead."""
RATE_DROP = 0.7
"""A learning rate below 70 % of that of the epoch before has dropped: cosine does so in its last epochs only, a step by ten always."""
DROP_SHARE = 0.10
"""A drop is recent for 10 % of the epochs, at least HOLD_MIN: as long the curves settle."""


BLOCK = 2**14
"""Rows computed at a time: a million at once would take gigabytes."""


class Known:
    """What was computed for the rows of one run before. A row never changes, so an epoch costs its own row only."""

    def __init__(self) -> None:
        self._kept: dict[str, np.ndarray] = {}

    def grown(self, name: str, m: int, rows: Callable[[int, int], np.ndarray]) -> np.ndarray:
        """The values `(..., m)`; `rows(start, stop)` gives those of some rows, asked for in blocks that fit into memory."""
        kept = [self._kept[name]] if name in self._kept else []
        start = kept[0].shape[-1] if kept else 0
        fresh = [rows(first, min(first + BLOCK, m)) for first in range(start, m, BLOCK)]
        parts = [*kept, *fresh] or [rows(0, 0)]
        self._kept[name] = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-1)
        return self._kept[name][..., :m]


@dataclass(frozen=True, eq=False)
class Case:
    """One history and the quantities derived from it, each computed when first asked for.

    `known` may be shared by the cases of one run as it grows.
    """

    history: History
    known: Known = field(default_factory=Known)

    @cached_property
    def n(self) -> int:
        """Epochs so far: the longest series."""
        return max(len(getattr(self.history, name)) for name in SERIES)

    @cached_property
    def losses(self) -> dict[str, np.ndarray]:
        """The three losses `(n,)`, NaN where nothing finite was recorded."""
        return {name: padded(getattr(self.history, name), self.n) for name in LOSSES}

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

    def by_row(self, series: Series) -> np.ndarray:
        """A series at the rows `(m,)`, NaN where it was not recorded."""
        return padded(series, self.n)[self.rows]

    @cached_property
    def imbalanced(self) -> bool:
        """Whether accuracy says little for the sizes of the classes, and the balanced one is there to be asked."""
        return uneven(self.history.class_counts) and len(self.history.val_balanced) > 0

    @cached_property
    def smoothed(self) -> q.Smooth:
        """Validation loss, probe loss, validation accuracy, probe accuracy, smoothed together: one pass is four times as fast."""
        history = self.history
        sides = (history.val_balanced, history.probe_balanced) if self.imbalanced else (history.val_accuracy, history.probe_accuracy)
        accuracies = [np.clip(padded(series, self.n), 0, 1) for series in sides]
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
        """~validation accuracy `(m,)`; the balanced one of an imbalanced run."""
        return self.smoothed.now[2]

    @property
    def val_accuracy_then(self) -> np.ndarray:
        """~validation accuracy at the lowest validation loss so far `(m,)`."""
        return self.smoothed.then[2]

    @property
    def probe_accuracy(self) -> np.ndarray:
        """~probe accuracy `(m,)`; the balanced one of an imbalanced run."""
        return self.smoothed.now[3]

    @cached_property
    def plain_probe_accuracy(self) -> np.ndarray:
        """~probe accuracy `(m,)` over all pictures alike, as the accuracies of other runs are told."""
        if not self.imbalanced:
            return self.probe_accuracy
        return q.smooth(np.clip(self.by_row(self.history.probe_accuracy), 0, 1)[None]).now[0]

    @cached_property
    def gap(self) -> np.ndarray:
        """Probe minus validation accuracy `(m,)`."""
        return self.probe_accuracy - self.val_accuracy

    @cached_property
    def gap_interval(self) -> tuple[np.ndarray, np.ndarray]:
        """Newcombe 95 % interval of the gap, `(m,)` each."""
        return newcombe(self.probe_accuracy, self.n_probe, self.val_accuracy, self.n_val)

    @cached_property
    def n_val(self) -> int:
        """Validation pictures that an interval may count on; 0 where nobody knows."""
        return self._counted(self.history.n_val)

    @cached_property
    def n_probe(self) -> int:
        """Probe pictures that an interval may count on; 0 where nobody knows."""
        return self._counted(self.history.n_probe)

    def _counted(self, n: int | None) -> int:
        """Of unequal classes fewer: the mean over K classes of shares of n_k has the spread of one of K^2 / sum(1 / n_k) pictures."""
        counts = np.array([count for count in self.history.class_counts if count > 0], dtype=float)
        if not n or not self.imbalanced:
            return n or 0
        return max(1, round(len(counts) ** 2 / np.sum(counts.sum() / (counts * n))))

    @cached_property
    def chance(self) -> tuple[float, float]:
        """Loss and accuracy at chance: L0, A0."""
        loss, accuracy = q.chance(self.history.class_counts)
        return loss, 1 / np.count_nonzero(self.history.class_counts) if self.imbalanced else accuracy

    @property
    def ignorance(self) -> float:
        """The loss of holding all classes equally likely, where a network begins: above L0 where the classes are uneven."""
        classes = np.count_nonzero(self.history.class_counts)
        return float(np.log(classes)) if classes > 1 else np.nan

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

    @cached_property
    def rate_dropped(self) -> np.ndarray:
        """`(m,)`: the learning rate has dropped not long ago, so the curves are about to settle elsewhere."""
        rate = self.by_row(self.history.learning_rate)
        drops = np.flatnonzero(rate[1:] < RATE_DROP * rate[:-1]) + 1
        rows = np.arange(self.m)
        last = np.full(self.m, -np.inf)
        last[drops] = drops
        return rows - np.maximum.accumulate(last) < np.maximum(HOLD_MIN, DROP_SHARE * rows) if self.m else rows.astype(bool)

    @cached_property
    def probe_plateau(self) -> np.ndarray:
        """Of ~probe loss `(2, m)`: the change that its slope predicts, and the change that counts as flat."""
        return self._plateau("probe_loss", self.probe)

    @cached_property
    def val_plateau(self) -> np.ndarray:
        """The same of ~validation loss `(2, m)`."""
        return self._plateau("val_loss", self.val)

    def _plateau(self, name: str, smoothed: np.ndarray) -> np.ndarray:
        x = self.losses[name][self.rows]
        return self.known.grown(f"plateau of {name}", self.m, lambda start, stop: q.plateau(x[:stop], smoothed[:stop], start))

    @cached_property
    def noise(self) -> np.ndarray:
        """Sigma of the validation loss `(m,)`."""
        x = self.losses["val_loss"][self.rows]
        return self.known.grown("noise", self.m, lambda start, stop: q.noise(x[:stop], start))

    @cached_property
    def recent_noise(self) -> np.ndarray:
        """Sigma of the validation loss over the last 10 epochs `(m,)`."""
        x = self.losses["val_loss"][self.rows]
        return self.known.grown("recent noise", self.m, lambda start, stop: q.noise(x[:stop], start, q.RECENT))

    def spikes(self, least: float) -> np.ndarray:
        """Share of the last epochs at which the validation loss jumped up, by `least` nats or more, `(m,)`."""
        x = self.losses["val_loss"][self.rows]
        return self.known.grown("spikes", self.m, lambda start, stop: q.spikes(x[:stop], self.val[:stop], least, start))


def uneven(class_counts: Sequence[int]) -> bool:
    """Whether the classes differ so much in size that the balanced accuracy is asked."""
    counts = [count for count in class_counts if count > 0]
    return bool(counts) and max(counts) >= IMBALANCE * min(counts)


def finite(series: Series) -> np.ndarray:
    """A series as floats, NaN where it was not recorded or not finite."""
    values = np.asarray(series, dtype=float)
    return np.where(np.isfinite(values), values, np.nan)


def padded(series: Series, n: int) -> np.ndarray:
    """A series as `n` floats, NaN where it was not recorded or not finite."""
    values = finite(series)[:n]
    return np.concatenate([values, np.full(n - len(values), np.nan)])


def _recorded(series: Series) -> np.ndarray:
    """Which epochs were recorded at all: None is a gap in the record, NaN is a loss that broke."""
    if isinstance(series, np.ndarray) and series.dtype != object:
        return np.ones(len(series), dtype=bool)
    return np.array([value is not None for value in series], dtype=bool)
