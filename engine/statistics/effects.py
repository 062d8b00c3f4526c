"""What a handful of differences shows beside its t interval: the sign-flip test, and the least effect that could have been seen.

Knows no run. Numbers in the unit of what is compared; p in 0..1, two-sided.
"""

import math
from collections.abc import Sequence

import numpy as np

from engine.statistics.means import POWER, critical, welch_error

# Pairs up to which every pattern of signs is tried: 2^19 of them (a pattern and its mirror image say the same) in 10 ms.
EXACT_MOST = 20
# Patterns drawn beyond that, and how many of them at a time: a p of .05 is then known to .004, in 20 ms for 30 pairs.
DRAWN, DRAWN_AT_ONCE = 9_999, 1_000
# Differences are counted in steps of their largest by this; sums that differ by a step for each are equal on paper.
STEP = 1e-12


def sign_flip(differences: Sequence[float]) -> float:
    """The p-value of paired differences when each might as well have had the other sign (Fisher 1935, section 21).

    The share of the sign patterns whose sum lies at least as far from zero as the one observed: exact up to 20 pairs,
    from 9,999 patterns (always the same) beyond. Of fewer than 6 pairs it is never below .05. At least one difference.
    """
    values = np.abs(np.asarray(differences, dtype=float))
    if not values.any():
        return 1.0
    steps = np.rint(np.asarray(differences, dtype=float) / (STEP * values.max()))
    return _exact(steps) if len(steps) <= EXACT_MOST else _drawn(steps)


def _exact(steps: np.ndarray) -> float:
    sums = steps[:1]
    for step in steps[1:]:
        sums = np.concatenate([sums + step, sums - step])
    return 1 - float(np.mean(np.abs(sums) < abs(steps.sum()) - len(steps)))  # so that what is not finite shows nothing


def _drawn(steps: np.ndarray) -> float:
    from scipy.stats import permutation_test

    how = {"permutation_type": "samples", "n_resamples": DRAWN, "batch": DRAWN_AT_ONCE, "vectorized": True}
    return float(permutation_test((steps,), np.sum, **how, rng=0).pvalue)


def detectable(n: int, deviation: float) -> float:
    """The least true mean that the interval of `n` paired differences leaves out zero for in 80 % of the cases; n >= 2.

    `power` turned around, by the noncentral t distribution; `deviation` is the standard deviation of the differences.
    """
    return deviation / math.sqrt(n) * _shift(n - 1)


def detectable_unpaired(one: Sequence[float], other: Sequence[float]) -> float:
    """The same for the difference of two means by Welch's interval, with the spreads that were observed; two numbers each or more.

    As if his degrees of freedom were known, which vary with the sample: the chance is .69 for three numbers each, .78 for five.
    """
    error, degrees = welch_error(one, other)
    return error * _shift(degrees) if error else 0.0


def _shift(degrees: float) -> float:
    """Standard errors between zero and a mean that a t test finds with a chance of .8; its other tail is below 1e-5 and left out."""
    from scipy.special import nctdtrinc

    return float(nctdtrinc(degrees, 1 - POWER, critical(degrees)))
