"""Overfitting alarms on 347 recorded ImageNet runs (AlgoPerf logs), against what their separate test loss did."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from engine.diagnosis import History, first_alarm, judge

FILE = Path(__file__).parents[3] / "shared/data/curves/algoperf-imagenet.jsonl.gz"
PICTURES = 10_000
"""Assumed size of probe and validation set; it only widens the intervals."""

pytestmark = pytest.mark.skipif(not FILE.exists(), reason=f"the recorded curves are not here: {FILE}")


@pytest.fixture(scope="module")
def runs():
    with gzip.open(FILE, "rt") as lines:
        return [json.loads(line) for line in lines]


def history(run, n=None):
    """The run's first n evaluations: train and validation only, no test numbers, no pictures."""
    names = ("val_loss", "val_accuracy", "train_loss", "train_accuracy", "train_loss")
    counts = (1300,) * run["num_classes"]
    return History(*(run[name][:n] for name in names), PICTURES, PICTURES, counts, len(run["val_loss"]))


def test_overfitting_is_found_and_the_healthy_are_left_alone(runs):
    alarms = [first_alarm(history(run)) for run in runs]
    ill = np.array([run["overfits"] for run in runs])
    alarmed = np.array([alarm is not None for alarm in alarms])
    caught, false, missed = (int(np.sum(one)) for one in (ill & alarmed, ~ill & alarmed, ill & ~alarmed))
    f1, false_rate = 2 * caught / (2 * caught + false + missed), false / np.sum(~ill)
    delays = [delay(run, alarm) for run, alarm in zip(runs, alarms, strict=True) if alarm and run["overfits"]]
    print(f"\n{caught} caught, {missed} missed, {false} false of {np.sum(~ill)}: F1 {f1:.3f}, false alarms {100 * false_rate:.1f} %")
    print(f"median delay {np.median(delays):.2f} of the run, before the minimum {np.sum(np.array(delays) < 0)} of {caught}")
    assert f1 >= 0.75
    assert false_rate <= 0.05
    assert np.median(delays) <= 0.30


def delay(run, alarm):
    """From the minimum of the 3-point-median test loss to the alarm, as a share of the run."""
    loss = run["test_loss"]
    smooth = [np.median(loss[max(0, k - 1) : k + 2]) for k in range(len(loss))]
    return (alarm - 1 - int(np.argmin(smooth))) / len(loss)


def test_the_replayed_alarm_is_what_judge_would_have_said_at_that_epoch(runs):
    alarmed = [(run, alarm) for run in runs if (alarm := first_alarm(history(run)))]
    assert alarmed
    for run, alarm in alarmed:
        assert judge(history(run, alarm)).name == "overfitting"
        assert judge(history(run, alarm - 1)).name != "overfitting"
