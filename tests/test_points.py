"""Differences of shares as people write them, in percentage points, and how likely chance alone makes them."""

import pytest

from engine.strings import figures


@pytest.mark.parametrize(
    ("share", "written"),
    [(0.006, "0.6"), (-0.003, "0.3"), (0.00042, "0.042"), (0.124, "12"), (0.0, "0.0"), (None, "—"), (float("nan"), "—")],
)
def test_a_difference_has_sensible_digits(share: float | None, written: str) -> None:
    assert figures.points(share) == written


def test_a_minus_is_a_minus() -> None:
    assert (figures.signed_points(-0.003), figures.signed_points(0.003)) == ("−0.3", "0.3")


@pytest.mark.parametrize(
    ("p", "written"), [(1.0, "= 1.00"), (0.15625, "= 0.16"), (0.03125, "= 0.031"), (0.001, "= 0.001"), (4e-6, "< 0.001")]
)
def test_a_p_value_says_no_more_than_it_knows(p: float, written: str) -> None:
    assert figures.p_value(p) == written
