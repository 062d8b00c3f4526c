"""Many tests at once: p-values adjusted so that a threshold means for all of them what it means for one. Knows no test itself.

An adjusted p-value at or below q is a finding at level q; the order of the p-values given is kept.
"""

from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Adjusted p-values `(m,)` that keep the chance of any false finding at the level (Holm 1979): for a table of few.

    The k-th smallest of m times m - k + 1, no less than those before it, at most 1.
    """
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1)
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> np.ndarray:
    """Adjusted p-values `(m,)` that keep the expected share of false ones among the findings at the level: for a search of many.

    Benjamini and Hochberg 1995, by scipy; for tests that are independent or rise together.
    """
    from scipy.stats import false_discovery_control

    return np.asarray(false_discovery_control(p_values, method="bh"))
