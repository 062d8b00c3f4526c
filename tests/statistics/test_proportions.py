"""Intervals of shares and the paired test, beside published values and beside scipy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from engine.statistics.proportions import half_width, mcnemar, newcombe, wilson


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_values_of_newcombe_1998(right, n, low, high):
    """Newcombe 1998, Statistics in Medicine 17:857, table I, method 3."""
    assert wilson(right / n, n) == pytest.approx((low, high), abs=6e-5)


@pytest.mark.parametrize(
    ("a", "m", "b", "n", "low", "high"),
    [
        (56, 70, 48, 80, 0.0524, 0.3339),
        (9, 10, 3, 10, 0.1705, 0.8090),
        (5, 56, 0, 29, -0.0381, 0.1926),
        (0, 10, 0, 20, -0.1611, 0.2775),
        (10, 10, 0, 10, 0.6075, 1.0000),
    ],
)
def test_newcombe_gives_the_values_of_newcombe_1998(a, m, b, n, low, high):
    """Newcombe 1998, Statistics in Medicine 17:873, table II, method 10."""
    assert newcombe(a / m, m, b / n, n) == pytest.approx((low, high), abs=6e-5)


@given(st.integers(1, 3000), st.floats(0, 1))
def test_wilson_is_scipys(n, share):
    right = round(share * n)
    interval = binomtest(right, n).proportion_ci(method="wilson")
    assert wilson(right / n, n) == pytest.approx((interval.low, interval.high), abs=1e-6)


@given(st.integers(1, 3000))
def test_the_half_width_is_that_of_the_widest_interval(n: int) -> None:
    low, high = wilson(0.5, n)
    assert half_width(n) == pytest.approx((high - low) / 2)


def test_mcnemar_counts_flips_and_is_exact():
    before, now = np.array([1] * 31 + [0] * 14 + [1] * 55), np.array([0] * 31 + [1] * 14 + [1] * 55)
    flips = mcnemar(before, now)
    assert (flips.wrong, flips.right, flips.fall) == (31, 14, pytest.approx(0.17))
    assert flips.p == pytest.approx(0.0161, abs=1e-4)  # 2 * P(X <= 14), X ~ Binomial(45, .5)
