"""Intervals of shares and the paired test, beside published values and beside scipy and statsmodels."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

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
def test_wilson_is_scipys_and_that_of_statsmodels(n, share):
    right = round(share * n)
    interval = binomtest(right, n).proportion_ci(method="wilson")
    assert wilson(right / n, n) == pytest.approx((interval.low, interval.high), abs=1e-6)
    assert wilson(right / n, n) == pytest.approx(proportion_confint(right, n, method="wilson"), abs=1e-6)


@given(st.integers(1, 3000), st.floats(0, 1), st.integers(1, 3000), st.floats(0, 1))
def test_newcombe_is_that_of_statsmodels(m, first, n, second):
    a, b = round(first * m), round(second * n)
    assert newcombe(a / m, m, b / n, n) == pytest.approx(confint_proportions_2indep(a, m, b, n, method="newcomb", compare="diff"), abs=1e-6)


def test_many_shares_at_once_are_each_by_itself():
    first, second = np.array([0.2, 0.5, 1.0]), np.array([0.1, 0.6, 0.0])
    low, high = newcombe(first, 40, second, 25)
    each = [newcombe(a, 40, b, 25) for a, b in zip(first, second, strict=True)]
    np.testing.assert_allclose([low, high], np.transpose(each))


def test_of_nothing_nothing_is_known():
    assert wilson(0.5, 0) == (0, 1)
    assert half_width(0) == 0.5


@given(st.integers(1, 3000))
def test_the_half_width_is_that_of_the_widest_interval(n: int) -> None:
    low, high = wilson(0.5, n)
    assert half_width(n) == pytest.approx((high - low) / 2)


def test_mcnemar_is_exact():
    assert mcnemar(31, 14) == pytest.approx(0.0161, abs=1e-4)  # 2 * P(X <= 14), X ~ Binomial(45, .5)
    assert math.isnan(mcnemar(math.nan, 3))


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_that_of_statsmodels(wrong, right):
    assert mcnemar(wrong, right) == pytest.approx(min(reference_mcnemar([[5, wrong], [right, 5]], exact=True).pvalue, 1))
