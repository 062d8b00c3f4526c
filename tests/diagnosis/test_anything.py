"""Whatever was recorded, there is a verdict and never an exception."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.diagnosis import History, Pictures, Verdict, Yardstick, explain, judge

ANY = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True), st.floats(0, 5), st.integers(-3, 3))
FINITE = st.floats(0, 5)
SERIES = st.one_of(
    st.lists(ANY, max_size=60),
    st.lists(FINITE, max_size=60),
    st.tuples(FINITE, st.integers(0, 60)).map(lambda one: [one[0]] * one[1]),
    st.lists(FINITE, max_size=60).map(np.array),
)
PICTURES = st.builds(Pictures, *[SERIES] * 6)
SHARE = st.one_of(st.none(), st.floats())
HISTORY = st.builds(
    History,
    *[SERIES] * 5,
    n_probe=st.one_of(st.none(), st.integers(0, 3000)),
    n_val=st.one_of(st.none(), st.integers(0, 3000)),
    class_counts=st.lists(st.integers(0, 900), max_size=12).map(tuple),
    planned_epochs=st.integers(0, 300),
    learning_rate=SERIES,
    val_balanced=SERIES,
    probe_balanced=SERIES,
    pictures=st.one_of(st.none(), PICTURES),
    exact_twins=SHARE,
    near_twins=SHARE,
    yardstick=st.builds(Yardstick, SHARE, SHARE, st.integers(0, 50)),
)


@pytest.mark.slow
@given(HISTORY)
@settings(max_examples=300)
def test_any_history_gets_a_verdict_that_is_clean_json_and_has_words(history):
    verdict = judge(history)
    stored = json.dumps(verdict.as_dict(), allow_nan=False)
    again = Verdict.from_dict(json.loads(stored))
    assert again.as_dict() == verdict.as_dict()
    assert explain(again, "en") == explain(verdict, "en")
    assert 1 <= len(explain(again, "zh").evidence) <= 3


@pytest.mark.slow
@given(st.lists(st.floats(0.01, 5), min_size=1, max_size=60), st.lists(st.floats(0.01, 5), min_size=1, max_size=60))
@settings(max_examples=100)
def test_a_verdict_is_never_from_one_epoch(val, probe):
    verdict = judge(History(val, [0.9], probe, [0.9], probe, 2000, 2000, (10, 10), 10))
    assert verdict.name in ("too_early", "healthy") or verdict.epoch - verdict.since_epoch >= 2


@given(st.integers(1, 40), st.sampled_from([math.nan, math.inf, -math.inf]), st.sampled_from([0, 2, 4]))
def test_a_loss_that_is_no_number_is_always_diverged(n, broken, which):
    series = [[1.0] * n for _ in range(5)]
    series[which][-1] = broken
    verdict = judge(History(*series, 100, 100, (10, 10), 10))
    assert (verdict.name, verdict.tier, verdict.since_epoch) == ("diverged", "certain", n)
