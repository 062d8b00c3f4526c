"""Differences of shares as people write them: in percentage points."""

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
