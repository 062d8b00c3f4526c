"""Means, differences and planned seeds, beside scipy, statsmodels and the tables that everybody uses."""

import math
from statistics import stdev

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy import stats
from statsmodels.stats.power import TTestIndPower, TTestPower

from engine.statistics.means import Z_CAP, Estimate, mean, paired_z, power, seeds_for, spread, tells, welch

shares = some.floats(0.01, 0.99).map(lambda value: round(value, 4))
samples = some.lists(shares, min_size=2, max_size=12)


@given(samples)
def test_the_interval_of_a_mean_is_scipys(values: list[float]) -> None:
    found = mean(values)
    if stdev(values) > 1e-9:
        low, high = stats.t.interval(0.95, len(values) - 1, loc=math.fsum(values) / len(values), scale=stats.sem(values))
        assert (found.low, found.high) == pytest.approx((low, high), rel=1e-9, abs=1e-12)
    assert found.low is not None
    assert found.low <= found.value


@given(samples, samples)
def test_the_interval_of_a_difference_is_welchs(one: list[float], other: list[float]) -> None:
    found = welch(one, other)
    if stdev(one) > 1e-9 and stdev(other) > 1e-9:
        reference = stats.ttest_ind(one, other, equal_var=False).confidence_interval(0.95)
        assert (found.low, found.high) == pytest.approx((reference.low, reference.high), rel=1e-6, abs=1e-9)
    turned = welch(other, one)
    assert turned.value == pytest.approx(-found.value)
    assert turned.half == pytest.approx(found.half)


@given(samples, some.floats(-0.5, 0.5))
def test_pairs_that_move_together_have_no_spread(values: list[float], shift: float) -> None:
    """What the seed does to both arms alike is gone from the paired interval and stays in the other."""
    moved = [value + shift for value in values]
    paired = mean([a - b for a, b in zip(moved, values, strict=True)])
    assert paired.half == pytest.approx(0.0, abs=1e-9)
    assert paired.half is not None
    assert paired.half <= (welch(moved, values).half or 0.0) + 1e-9


def test_one_number_has_no_interval() -> None:
    assert mean([0.9]) == Estimate(0.9, None, 1)
    assert welch([0.9, 0.8], [0.7]).half is None
    assert not tells(mean([0.9]))


def test_equal_differences_tell_nothing_before_six() -> None:
    assert not tells(mean([0.01] * 2))
    assert not tells(mean([0.01] * 5))
    assert tells(mean([0.01] * 6))
    assert not tells(mean([0.0] * 9))


@pytest.mark.parametrize(
    ("effect", "paired", "known"),
    [(0.5, True, 34), (0.2, True, 199), (0.8, True, 15), (0.5, False, 64), (0.2, False, 394), (0.8, False, 26)],
)
def test_planned_seeds_are_cohens(effect: float, paired: bool, known: int) -> None:
    """The tables of power .8 at two-sided .05 (Cohen 1988; G*Power 3): effects are in units of one arm's deviation."""
    deviation = 1.0 if paired else math.sqrt(2)
    assert seeds_for(effect, deviation, paired) == known
    assert power(known - 1, effect, deviation, paired) < 0.8 <= power(known, effect, deviation, paired)


@given(some.integers(2, 40), some.floats(0.05, 3))
def test_power_is_that_of_statsmodels(n: int, effect: float) -> None:
    paired = TTestPower().power(effect, n, 0.05)
    if not math.isnan(paired):  # theirs knows no tail that is too small to compute
        assert power(n, effect, 1.0, paired=True) == pytest.approx(paired, abs=1e-6)
    unpaired = TTestIndPower().power(effect, n, 0.05)
    if not math.isnan(unpaired):
        assert power(n, effect, math.sqrt(2), paired=False) == pytest.approx(unpaired, abs=1e-6)


@given(some.lists(some.tuples(shares, shares), min_size=2, max_size=12))
def test_the_interval_of_pairs_is_scipys(pairs: list[tuple[float, float]]) -> None:
    differences = [one - other for one, other in pairs]
    if stdev(differences) > 1e-9:
        reference = stats.ttest_rel(*zip(*pairs, strict=True)).confidence_interval(0.95)
        found = mean(differences)
        assert (found.low, found.high) == pytest.approx((reference.low, reference.high), rel=1e-6, abs=1e-9)


def test_seeds_that_nobody_would_plan_for_are_not_named() -> None:
    assert seeds_for(0.0001, 1.0, paired=True) is None
    assert seeds_for(0.0, 1.0, paired=True) is None
    assert seeds_for(0.1, 0.0, paired=True) == 2


@given(some.floats(0.001, 0.2), some.floats(0.001, 0.2), some.booleans())
def test_more_seeds_see_more(difference: float, deviation: float, paired: bool) -> None:
    seen = [power(n, difference, deviation, paired) for n in (2, 3, 5, 9, 30)]
    assert all(0 <= share <= 1 + 1e-9 for share in seen)
    assert all(later >= earlier - 1e-6 for earlier, later in zip(seen, seen[1:], strict=False))


def test_the_spread_is_that_of_the_wider_group() -> None:
    assert spread([0.5, 0.6], [0.1, 0.4, 0.2]) == pytest.approx(0.3)
    assert spread([0.5], []) == 0.0


def test_paired_z_is_mean_over_standard_error_and_capped():
    difference = np.array([0.1, 0.2, 0.3])
    assert paired_z(np.zeros(3), difference) == pytest.approx(0.2 / (0.1 / np.sqrt(3)))
    assert paired_z(np.zeros(3), np.full(3, 0.5)) == Z_CAP
    assert paired_z(np.zeros(3), np.zeros(3)) == paired_z(np.zeros(1), np.ones(1)) == 0
