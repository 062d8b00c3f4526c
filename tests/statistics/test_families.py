"""Adjusted p-values beside those of statsmodels, and worked by hand."""

import gc
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from statsmodels.stats.multitest import multipletests

from engine.statistics.families import benjamini_hochberg, holm

families = some.lists(some.floats(0, 1), min_size=1, max_size=30)


@pytest.fixture(scope="module", autouse=True)
def _little_garbage() -> Iterator[None]:
    """statsmodels collects garbage in every call, which takes a second where all the tests and their libraries are loaded."""
    gc.freeze()
    yield
    gc.unfreeze()


@given(families)
def test_both_are_those_of_statsmodels(p_values: list[float]) -> None:
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])
    assert benjamini_hochberg(p_values) == pytest.approx(multipletests(p_values, method="fdr_bh")[1])


@given(families)
def test_holm_asks_more_and_neither_asks_less_than_one_test_does(p_values: list[float]) -> None:
    assert np.all(holm(p_values) >= benjamini_hochberg(p_values) - 1e-12)
    assert np.all(benjamini_hochberg(p_values) >= np.array(p_values) - 1e-12)


def test_by_hand() -> None:
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert benjamini_hochberg([0.04, 0.01, 0.03]) == pytest.approx([0.04, 0.03, 0.04])


def test_one_test_is_no_family_and_none_is_empty() -> None:
    assert holm([0.2]) == benjamini_hochberg([0.2]) == 0.2
    assert len(holm([])) == len(benjamini_hochberg([])) == 0
