"""The formulas against their definitions and against scipy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import theilslopes

from engine.diagnosis import quantities as q


@pytest.mark.parametrize("n", [5, 17, 40, 52])
def test_theil_sen_is_scipys_while_the_stretch_is_short(n):
    x = np.random.default_rng(n).normal(size=n)
    stretch = q.plateau_lengths(n)[-1]
    assert q.theil_sen(x)[-1] == pytest.approx(theilslopes(x[-stretch:])[0])


def test_theil_sen_of_a_long_stretch_finds_a_line_among_outliers():
    x = 0.01 * np.arange(500.0)
    x[450] = 80
    assert q.theil_sen(x)[-1] == pytest.approx(0.01)


@given(st.lists(st.one_of(st.just(np.nan), st.floats(-5, 5)), min_size=1, max_size=40), st.integers(3, 9))
def test_the_trailing_median_is_the_median_of_the_last_values(values, window):
    got = q.trailing_median(np.array(values), window)
    for t in range(len(values)):
        past = [v for v in values[max(0, t - window + 1) : t + 1] if not np.isnan(v)]
        assert got[t] == pytest.approx(np.median(past)) if len(past) >= 3 else np.isnan(got[t])


@given(st.integers(1, 400))
def test_smoothing_a_prefix_gives_the_prefix_of_the_smoothing(cut):
    x = np.random.default_rng(1).normal(size=(2, 400))
    whole, part = q.smooth(x), q.smooth(x[:, :cut])
    for name in q.Smooth._fields:
        np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[..., :cut])


def test_the_window_is_eight_percent_between_three_and_nine():
    assert q.window_lengths(1000)[[0, 36, 49, 99, 999]].tolist() == [3, 3, 4, 8, 9]


def test_noise_is_the_standard_deviation_of_what_is_added_to_a_trend():
    sigma = [q.noise(0.1 * np.arange(60) + np.random.default_rng(seed).normal(0, 0.2, 60))[-1] for seed in range(50)]
    assert np.median(sigma) == pytest.approx(0.2, rel=0.1)


def test_chance_of_equal_classes_and_of_unequal_ones():
    assert q.chance((500,) * 10) == pytest.approx((np.log(10), 0.1))
    assert q.chance((90, 10)) == pytest.approx((0.3251, 0.9), abs=1e-4)
    assert np.isnan(q.chance(())).all()
