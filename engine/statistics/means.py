"""Means of few numbers with their intervals, and differences of two means: Student's t, paired and Welch's. Knows no run.

Every interval is two-sided at 95 %. Of fewer than two numbers there is none.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from statistics import fmean

import numpy as np

LEVEL = 0.95
# The chance to see a difference that is there, when seeds are planned for it (Cohen 1988, section 2.4).
POWER = 0.8
# Seeds that nobody would plan for.
MOST_SEEDS = 1_000
# Equal differences leave no spread to measure; the sign-flip test then tells two arms apart from n = 6 on: 2 / 2^6 < .05.
SIGN_FLIP_LEAST = 6
# A z beyond this is written as this: differences without any spread have no finite z.
Z_CAP = 99.0


@dataclass(frozen=True)
class Estimate:
    """A mean (or a difference of two), half of its 95 % interval, and of how many numbers. `half` None: too few."""

    value: float
    half: float | None
    n: int

    @property
    def low(self) -> float | None:
        """Where the interval begins."""
        return None if self.half is None else self.value - self.half

    @property
    def high(self) -> float | None:
        """Where it ends."""
        return None if self.half is None else self.value + self.half


@cache
def _critical_whole(degrees: int) -> float:
    return critical(float(degrees))


def critical(degrees: float) -> float:
    """The quantile of Student's t that a two-sided 95 % interval reaches to; `degrees` of freedom may be a fraction."""
    from scipy.special import stdtrit

    return float(stdtrit(degrees, (1 + LEVEL) / 2))


def mean(values: Sequence[float]) -> Estimate:
    """The mean with its t interval: `x ± t(n-1) s / sqrt(n)`. At least one value."""
    n = len(values)
    if n < 2:
        return Estimate(fmean(values), None, n)
    return Estimate(fmean(values), _critical_whole(n - 1) * math.sqrt(variance(values) / n), n)


def variance(values: Sequence[float]) -> float:
    """The sample variance; `statistics.variance` is exact in fractions and fifty times slower."""
    centre = fmean(values)
    return math.fsum((value - centre) ** 2 for value in values) / (len(values) - 1)


def welch(one: Sequence[float], other: Sequence[float]) -> Estimate:
    """The difference of two means, spreads not assumed equal (Welch 1947); `n` is the smaller count. None of one value each."""
    value, n = fmean(one) - fmean(other), min(len(one), len(other))
    if n < 2:
        return Estimate(value, None, n)
    error, degrees = welch_error(one, other)
    return Estimate(value, critical(degrees) * error if error else 0.0, n)


def welch_error(one: Sequence[float], other: Sequence[float]) -> tuple[float, float]:
    """The standard error of that difference, and its degrees of freedom (Satterthwaite 1946): 0 where nothing varies."""
    parts = (variance(one) / len(one), variance(other) / len(other))
    if not sum(parts):
        return 0.0, 0.0
    degrees = sum(parts) ** 2 / (parts[0] ** 2 / (len(one) - 1) + parts[1] ** 2 / (len(other) - 1))
    return math.sqrt(sum(parts)), degrees


def spread(*groups: Sequence[float]) -> float:
    """The largest distance between two numbers of one group; 0 where no group has two."""
    return max((max(group) - min(group) for group in groups if group), default=0.0)


def tells(difference: Estimate) -> bool:
    """Whether the interval leaves out zero. One without width tells nothing before the signs alone do, at n = 6."""
    if difference.half is None or not difference.value:
        return False
    if difference.half <= 1e-12 * abs(difference.value):
        return difference.n >= SIGN_FLIP_LEAST
    return abs(difference.value) > difference.half


def seeds_for(difference: float, spread_of_one: float, paired: bool) -> int | None:
    """Seeds each with which a difference of that size is seen in 80 % of the cases; None when it takes more than 1,000.

    The least n whose power, by the noncentral t distribution, reaches .8 (Cohen 1988, chapter 2). `spread_of_one` is the
    standard deviation of the paired differences, or that of the difference of two single runs: sqrt(s1^2 + s2^2).
    """
    if not difference or power(MOST_SEEDS, difference, spread_of_one, paired) < POWER:
        return None
    low, high = 2, MOST_SEEDS
    while low < high:
        middle = (low + high) // 2
        if power(middle, difference, spread_of_one, paired) >= POWER:
            high = middle
        else:
            low = middle + 1
    return low


def power(n: int, difference: float, spread_of_one: float, paired: bool) -> float:
    """The chance that the interval of `n` seeds each leaves out zero when the difference is there."""
    from scipy.special import nctdtr

    if not spread_of_one:
        return 1.0
    degrees = n - 1 if paired else 2 * (n - 1)
    shift, bound = abs(difference) * math.sqrt(n) / spread_of_one, _critical_whole(degrees)
    above, below = 1 - float(nctdtr(degrees, shift, bound)), float(nctdtr(degrees, shift, -bound))
    return 1.0 if math.isnan(above) else above + (0.0 if math.isnan(below) else below)


def paired_z(best_loss: np.ndarray, now_loss: np.ndarray) -> float:
    """z of the mean per-image loss difference, now minus best; 0 without at least two pairs of finite losses."""
    difference = now_loss - best_loss
    difference = difference[np.isfinite(difference)]
    if len(difference) < 2 or not np.any(difference):
        return 0.0
    mean, error = np.mean(difference), np.std(difference, ddof=1) / np.sqrt(len(difference))
    return float(np.clip(mean / error, -Z_CAP, Z_CAP)) if 0 < error < np.inf else float(np.sign(np.nan_to_num(mean))) * Z_CAP
