"""Shares of counted things: the interval of one, of the difference of two, and a paired test. Knows no picture and no run.

Shares lie in 0..1; every interval is two-sided at 95 %.
"""

import math

import numpy as np

Z95 = 1.959964
"""Two-sided 95 % quantile of the normal distribution."""


def wilson(accuracy: np.ndarray | float, n: int) -> tuple[np.ndarray, np.ndarray]:
    """95 % interval of a share of n (Wilson 1927); as `scipy.stats.binomtest(...).proportion_ci("wilson")`, for many at once."""
    if n <= 0:
        return np.zeros_like(accuracy), np.ones_like(accuracy)
    p = np.clip(accuracy, 0, 1)
    centre = p + Z95**2 / (2 * n)
    half = Z95 * np.sqrt(p * (1 - p) / n + Z95**2 / (4 * n**2))
    return (centre - half) / (1 + Z95**2 / n), (centre + half) / (1 + Z95**2 / n)


def half_width(n: int) -> float:
    """Half of Wilson's 95 % interval of a share of one half, the widest there is; .5 of no number at all."""
    return Z95 / (2 * math.sqrt(n + Z95**2))


def newcombe(first: np.ndarray | float, n_first: int, second: np.ndarray | float, n_second: int) -> tuple[np.ndarray, np.ndarray]:
    """95 % interval of the difference of two independent shares (Newcombe 1998, Statistics in Medicine 17:873, method 10)."""
    first, second = np.clip(first, 0, 1), np.clip(second, 0, 1)
    low1, high1 = wilson(first, n_first)
    low2, high2 = wilson(second, n_second)
    gap = first - second
    return gap - np.hypot(first - low1, high2 - second), gap + np.hypot(high1 - first, second - low2)


def mcnemar(wrong: float, right: float) -> float:
    """p of the exact two-sided McNemar test (1947): so many turned wrong, so many turned right. NaN where they were not counted.

    Twice the lower tail of a fair coin, by the ratios of its neighbouring terms: every worker asks for it, and would import scipy for it.
    """
    if not math.isfinite(wrong + right):
        return math.nan
    n, fewer = int(wrong + right), int(min(wrong, right))
    k = np.arange(fewer)
    terms = np.concatenate([[0.0], np.cumsum(np.log((n - k) / (k + 1)))]) - n * math.log(2)
    return float(min(1.0, 2 * np.exp(terms).sum()))
