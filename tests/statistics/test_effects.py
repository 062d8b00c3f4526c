"""The sign-flip test beside scipy's, and the least effect that can be seen beside the power it is planned for."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy import stats
from statsmodels.stats.power import TTestPower

from engine.statistics.effects import detectable, detectable_unpaired, sign_flip
from engine.statistics.means import POWER, SIGN_FLIP_LEAST, power, seeds_for

differences = some.floats(-0.3, 0.3).map(lambda value: round(value, 3))


@pytest.mark.slow
@given(some.lists(differences, min_size=2, max_size=10))
def test_the_sign_flip_test_is_scipys(values: list[float]) -> None:
    """In whole thousandths, which sum without rounding: scipy takes sums that are equal on paper for unequal ones otherwise."""
    whole = np.rint(1000 * np.array(values))
    exact = stats.permutation_test((whole,), np.sum, permutation_type="samples", n_resamples=np.inf, vectorized=True)
    assert sign_flip(values) == pytest.approx(exact.pvalue)


@given(some.lists(differences, min_size=1, max_size=14), some.floats(0.001, 1000))
def test_neither_unit_nor_direction_changes_it(values: list[float], unit: float) -> None:
    assert sign_flip([-unit * value for value in values]) == sign_flip(values)


def test_it_tells_from_six_pairs_on() -> None:
    assert sign_flip([0.01] * (SIGN_FLIP_LEAST - 1)) == 2 / 32
    assert sign_flip([0.01] * SIGN_FLIP_LEAST) == 2 / 64
    assert sign_flip([0.1, 0.2, 0.3, -0.6]) == 1.0
    assert sign_flip([0.0] * 9) == 1.0
    assert sign_flip([math.nan] * 9) == 1.0


def test_sums_that_are_equal_on_paper_count_as_equal() -> None:
    """0.1 + 0.2 - 0.3 is no zero in floating point."""
    assert sign_flip([0.1, 0.2, -0.3]) == 1.0
    assert sign_flip([0.1, 0.2, 0.3, 0.3, 0.2, 0.1]) == 2 / 64


def test_many_pairs_are_drawn_always_the_same_and_near_the_exact_one() -> None:
    values = np.random.default_rng(3).normal(0.3, 1.0, 40)
    assert sign_flip(values) == sign_flip(values)
    assert sign_flip(values) == pytest.approx(stats.ttest_1samp(values, 0).pvalue, abs=0.02)


@pytest.mark.parametrize("n", [2, 3, 5, 10, 100])
def test_the_least_effect_is_that_of_statsmodels(n: int) -> None:
    assert power(n, detectable(n, 0.4), 0.4, paired=True) == pytest.approx(POWER, abs=1e-5)
    if n > 2:  # theirs does not converge for two pairs
        assert detectable(n, 0.4) == pytest.approx(0.4 * TTestPower().solve_power(nobs=n, alpha=0.05, power=POWER), rel=1e-4)


@given(some.integers(3, 300), some.floats(0.001, 0.1))
def test_it_is_the_effect_that_so_many_seeds_are_planned_for(n: int, deviation: float) -> None:
    least = detectable(n, deviation)
    assert (seeds_for(1.001 * least, deviation, True) or 0) <= n
    assert (seeds_for(0.999 * least, deviation, True) or n) > n - 1


def test_without_pairs_it_is_that_of_two_equal_spreads() -> None:
    one, other = [0.1, 0.2, 0.3, 0.4, 0.5], [0.7, 0.8, 0.9, 1.0, 1.1]
    deviation = math.sqrt(2 * np.var(one, ddof=1))
    assert power(5, detectable_unpaired(one, other), deviation, paired=False) == pytest.approx(POWER, abs=1e-5)
    assert detectable_unpaired([0.5, 0.5], [0.6, 0.6]) == 0.0
