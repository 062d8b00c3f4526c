"""Hysteresis on hand-written signals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.diagnosis.holding import held, held_at_once


@pytest.mark.parametrize(
    ("signal", "on", "since"),
    [
        ("..##", False, None),
        ("..###", True, 2),
        ("###.....", True, 0),
        ("###......", False, None),
        ("###...##.", True, 0),
        ("###......###", True, 9),
        ("", False, None),
    ],
)
def test_raised_after_three_cleared_after_six(signal, on, since):
    state = held(np.array([mark == "#" for mark in signal], dtype=bool), 3)
    assert state.on == on
    assert not on or state.since_row == since


def test_at_once_needs_one_row():
    assert held_at_once(np.array([False, True]), 3).on


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.integers(1, 6))
def test_the_state_is_that_of_a_walk_through_the_signal(raw, hold):
    on, true, false, walked = False, 0, 0, []
    for mark in raw:
        true, false = (true + 1, 0) if mark else (0, false + 1)
        on = True if true >= hold else False if false >= 2 * hold else on
        walked.append(on)
    assert held(np.array(raw), hold).state.tolist() == walked
