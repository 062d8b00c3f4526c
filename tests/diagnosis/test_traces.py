"""The evidence over a run, as it is drawn: the numbers of the verdict at each epoch, beside the limits that the rules hold them to."""

from dataclasses import replace

import numpy as np
import pytest

from engine.diagnosis import judge
from engine.diagnosis.traces import Trace, traces
from tests.diagnosis import golden


def named(history) -> dict[str, Trace]:
    return {each.name: each for each in traces(history)}


def test_what_is_drawn_last_is_what_the_verdict_says():
    history = golden.GOLDEN["overfitting seen in pictures"]
    drawn, said = named(history), {one.name: one for one in judge(history).evidence}
    assert list(drawn) == ["rise", "gap", "paired", "calibration"]
    assert drawn["rise"].value[-1] == pytest.approx(said["rise"].fields["now_loss"] - said["rise"].fields["best_loss"])
    gap = drawn["gap"]
    assert gap.low is not None and gap.high is not None
    assert (gap.value[-1], gap.low[-1], gap.high[-1], gap.limit[-1]) == (said["gap"].value, said["gap"].low, said["gap"].high, 0.10)
    assert (drawn["paired"].value[-1], drawn["paired"].limit[-1]) == (said["paired_loss"].value, said["paired_loss"].threshold)
    assert drawn["calibration"].value[-1] == 0.01


def test_the_line_crosses_its_limit_where_the_verdict_begins():
    history = golden.overfit()
    rise, since = named(history)["rise"], judge(history).since_epoch
    assert since is not None
    over = rise.epoch[rise.value >= rise.limit]
    assert over[over >= since][0] == since
    assert (rise.value[since - 2] < rise.limit[since - 2]).all()


def test_every_trace_has_an_epoch_a_value_and_a_limit_for_each_row():
    for history in golden.GOLDEN.values():
        for each in traces(history):
            columns = [column for column in (each.epoch, each.value, each.limit, each.low, each.high) if column is not None]
            assert {len(column) for column in columns} == {len(each.epoch)}
            assert (np.diff(each.epoch) > 0).all() and each.epoch[0] >= 1


def test_of_pictures_that_nobody_counted_there_is_no_interval():
    gap = named(golden.GOLDEN["pictures not counted"])["gap"]
    assert (gap.low, gap.high) == (None, None)


def test_what_was_not_recorded_is_not_drawn():
    history = golden.overfit()
    assert traces(replace(history, val_loss=[], probe_loss=[])) == []
    assert traces(replace(history, probe_loss=[None] * 60)) == []
    assert list(named(history)) == ["rise", "gap"]
    assert list(named(replace(history, val_accuracy=[]))) == ["rise"]
    unseen = replace(golden.pictures(), calibration_error=[], paired_z=[np.nan] * 60)
    assert list(named(replace(history, pictures=unseen))) == ["rise", "gap"]
