"""The quantities of a curve that the rules are made of: medians, noise, spikes, chance level, plateau.

Pure functions over arrays; `(m,)` = one value for each evaluation so far, each computed from the past alone. Knows no verdict.
"""

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

MAD_TO_SIGMA = 1.4826
"""A normal distribution's standard deviation over its median absolute deviation."""
WINDOW_SHARE, WINDOW_MIN, WINDOW_MAX = 0.08, 3, 9
"""The smoothing window: 8 % of the epochs so far, 3 to 9 epochs."""
NOISE_WINDOW = 30
"""Second differences that the noise is estimated from: recent, since noise falls with the learning rate."""
LEAST_DIFFERENCES = 5
"""Of fewer, the median of their deviations is mostly luck."""
RECENT = 10
"""Epochs that must be restless, too: a run that has become calm is not restless for having been so."""
PLATEAU_SHARE, PLATEAU_MIN = 0.20, 5
"""A plateau is judged over the last 20 % of the epochs, at least 5."""
PLATEAU_CHANGE = 0.005
"""A change below 0.5 % over that stretch is flat, whatever the noise."""
PLATEAU_NATS = 0.01
"""So is one below a hundredth of a nat: of a loss of .04 a share of .5 % is nothing that anybody could tell."""
PLATEAU_POINTS = 10
"""Points that the Theil-Sen slope is taken over: 45 pairs an epoch keep 1,000 epochs near a millisecond."""
SPIKE_MADS = 5.0
"""A jump beyond 5 median absolute deviations is no noise."""


class Smooth(NamedTuple):
    """Trailing medians of k series `(k, m)`: now, and at the lowest value so far of the first series, whose row is `best_row` `(m,)`."""

    now: np.ndarray
    then: np.ndarray
    best_row: np.ndarray


def window_lengths(m: int) -> np.ndarray:
    """The smoothing window W `(m,)` after 1..m evaluations."""
    return np.clip(np.rint(WINDOW_SHARE * np.arange(1, m + 1)), WINDOW_MIN, WINDOW_MAX).astype(int)


def trailing_median(x: np.ndarray, window: int) -> np.ndarray:
    """Median of the last `window` values along `(..., m)`; NaN is skipped, fewer than 3 values give NaN (never from one epoch)."""
    padded = np.concatenate([np.full((*x.shape[:-1], window - 1), np.nan), x], axis=-1)
    windows = sliding_window_view(padded, window, axis=-1)
    return sorted_median(windows.reshape(-1, window), WINDOW_MIN).reshape(x.shape)


def smooth(x: np.ndarray) -> Smooth:
    """~x of k series `(k, m)`, each row seeing the past, and its best, through the window of its own time."""
    now, then, best_row = np.empty(x.shape), np.empty(x.shape), np.empty(x.shape[1], dtype=int)
    for window, rows in _stretches(x.shape[1]):
        medians = trailing_median(x[:, : rows.stop], window)
        best_row[rows] = lowest_row(medians[0])[rows]
        now[:, rows], then[:, rows] = medians[:, rows], medians[:, best_row[rows]]
    return Smooth(now, then, best_row)


def _stretches(m: int) -> list[tuple[int, slice]]:
    """The rows that share a window length: at most seven stretches."""
    lengths = window_lengths(m)
    edges = [0, *(np.flatnonzero(np.diff(lengths)) + 1).tolist(), m]
    return [(int(lengths[a]), slice(a, b)) for a, b in zip(edges[:-1], edges[1:], strict=True) if b > a]


def lowest_row(x: np.ndarray) -> np.ndarray:
    """The first row of the lowest value so far `(m,)`; NaN never is the lowest."""
    filled = np.where(np.isnan(x), np.inf, x)
    new = filled < np.concatenate([[np.inf], np.minimum.accumulate(filled)[:-1]])
    return np.maximum.accumulate(np.where(new, np.arange(len(x)), 0))


def noise(x: np.ndarray, start: int = 0, window: int = NOISE_WINDOW) -> np.ndarray:
    """Sigma of the rows from `start` on, by the median absolute deviation of 30 second differences; sqrt(6) is their own spread."""
    if len(x) < 3:
        return np.zeros(len(x) - start)
    first = max(start, 2)
    seen = np.diff(x[max(0, first - window - 1) :], 2)
    windows = _trailing(seen, window, len(x) - first)
    deviations = np.abs(windows - sorted_median(windows)[:, None])
    return np.concatenate([np.zeros(first - start), MAD_TO_SIGMA * sorted_median(deviations) / np.sqrt(6)])


def usual_noise(loss: np.ndarray, rate: np.ndarray) -> float:
    """What is usual of a finished run: the median noise, as a share of the loss, at learning rates of half the largest or more.

    Once the rate is let down every run is calm: other runs would be called noisy for not having done so yet. NaN where nothing is known.
    """
    high = np.isfinite(loss) & ~(rate < np.nanmax(rate, initial=0.0) / 2)
    high[: LEAST_DIFFERENCES + 1] = False
    shares = noise(loss)[high] / loss[high]
    return float(np.median(shares)) if len(shares) else np.nan


def spikes(x: np.ndarray, smoothed: np.ndarray, least: float, start: int = 0) -> np.ndarray:
    """Share of the last 30 values that lie above ~x by `least` and by 5 MAD of that distance, 0 where none of the last 10 does.

    For the rows from `start` on.
    """
    first = max(0, start - NOISE_WINDOW + 1)
    above = _trailing((x - smoothed)[first:], NOISE_WINDOW, len(x) - start)
    centre = sorted_median(above)[:, None]
    spread = sorted_median(np.abs(above - centre))[:, None]
    count = np.maximum(np.count_nonzero(~np.isnan(above), axis=1), 1)
    jumps = above > np.maximum(SPIKE_MADS * spread, least)
    return np.where(jumps[:, -RECENT:].any(axis=1), np.count_nonzero(jumps, axis=1) / count, 0.0)


def _trailing(x: np.ndarray, window: int, rows: int) -> np.ndarray:
    """The `window` values up to each of the last `rows` values `(rows, window)`, NaN before the first."""
    return sliding_window_view(np.concatenate([np.full(window - 1, np.nan), x]), window)[len(x) - rows :]


def sorted_median(x: np.ndarray, least: int = 1) -> np.ndarray:
    """Median of each row, NaN skipped, NaN below `least` values; `np.nanmedian` takes ten times as long on many short rows."""
    ordered = np.sort(x, axis=1)
    count = np.count_nonzero(~np.isnan(ordered), axis=1)  # NaN sorts to the end
    rows = np.arange(len(x))
    median = (ordered[rows, (count - 1) // 2] + ordered[rows, np.minimum(count // 2, x.shape[1] - 1)]) / 2
    return np.where(count >= least, median, np.nan)


def chance(class_counts: tuple[int, ...]) -> tuple[float, float]:
    """Loss and accuracy of knowing the class shares alone: their entropy in nats, and the largest share. NaN without counts."""
    counts = np.array([c for c in class_counts if c > 0], dtype=float)
    if not len(counts):
        return np.nan, np.nan
    shares = counts / counts.sum()
    return float(-np.sum(shares * np.log(shares))), float(shares.max())


def plateau_lengths(m: int, share: float = PLATEAU_SHARE) -> np.ndarray:
    """Evaluations `(m,)` that a plateau is judged over: that share of those so far."""
    return np.maximum(PLATEAU_MIN, np.rint(share * np.arange(1, m + 1))).astype(int)


def theil_sen(x: np.ndarray, start: int = 0, share: float = PLATEAU_SHARE) -> np.ndarray:
    """Median slope per evaluation over the stretch before each row from `start` on (Theil 1950, Sen 1968), thinned to 10 points.

    Equal to `scipy.stats.theilslopes` while the stretch has at most 10 points; that function takes one stretch at a time.
    """
    lengths = plateau_lengths(len(x), share)[start:, None]
    points = np.minimum(lengths, PLATEAU_POINTS)
    order = np.arange(PLATEAU_POINTS)
    rows = np.arange(start, len(x))[:, None] - np.rint((lengths - 1) * order / (points - 1)).astype(int)
    values = np.where((rows >= 0) & (order < points), x[np.maximum(rows, 0)], np.nan)
    first, second = np.triu_indices(PLATEAU_POINTS, 1)
    slopes = (values[:, second] - values[:, first]) / (rows[:, second] - rows[:, first])
    return sorted_median(slopes)


def plateau(x: np.ndarray, smoothed: np.ndarray, start: int = 0, share: float = PLATEAU_SHARE) -> np.ndarray:
    """The change that the slope of ~x predicts over the stretch, and the change that counts as flat, `(2, m)`; rows from `start` on."""
    change = theil_sen(smoothed, start, share) * (plateau_lengths(len(x), share)[start:] - 1) + 0.0  # no -0
    return np.stack([change, np.maximum(2 * noise(x, start), np.maximum(PLATEAU_CHANGE * np.abs(smoothed[start:]), PLATEAU_NATS))])
