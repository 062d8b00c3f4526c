"""Overfitting alarms on 347 recorded ImageNet runs (AlgoPerf logs), against what their separate test loss did."""

from pathlib import Path

import numpy as np
import pytest

from engine.diagnosis.curves import lines, replay

FILE = Path(__file__).parents[3] / "shared/data/curves/algoperf-imagenet.jsonl.gz"
pytestmark = pytest.mark.skipif(not FILE.exists(), reason=f"the recorded curves are not here: {FILE}")


@pytest.fixture(scope="module")
def runs():
    return [run for _, run in lines(FILE)]


def alarm(run, n=None):
    """Where the alarm was raised in the run's first n evaluations."""
    return replay({name: value[:n] if isinstance(value, list) else value for name, value in run.items()})[1]["first_alarm"]


@pytest.mark.slow
def test_overfitting_is_found_and_the_healthy_are_left_alone(runs):
    told = [replay(run)[1] for run in runs]
    ill = np.array([run["overfits"] for run in runs])
    alarmed, watched = (np.array([one[name] is not None for one in told]) for name in ("first_alarm", "first_watch"))
    caught, false, missed = (int(np.sum(one)) for one in (ill & alarmed, ~ill & alarmed, ill & ~alarmed))
    f1, false_rate = 2 * caught / (2 * caught + false + missed), false / np.sum(~ill)
    delays = [delay(run, one["first_alarm"]) for run, one in zip(runs, told, strict=True) if one["first_alarm"] and run["overfits"]]
    print(f"\n{caught} caught, {missed} missed, {false} false of {np.sum(~ill)}: F1 {f1:.3f}, false alarms {100 * false_rate:.1f} %")
    print(f"watched of the healthy {100 * np.mean(watched[~ill]):.1f} %")
    print(f"median delay {np.median(delays):.2f} of the run, before the minimum {np.sum(np.array(delays) < 0)} of {caught}")
    assert f1 >= 0.80
    assert false_rate <= 0.03
    assert np.median(delays) <= 0.25


def delay(run, alarm):
    """From the minimum of the 3-point-median test loss to the alarm, as a share of the run."""
    loss = run["test_loss"]
    smooth = [np.median(loss[max(0, k - 1) : k + 2]) for k in range(len(loss))]
    return (alarm - int(np.argmin(smooth))) / len(loss)


@pytest.mark.slow
def test_an_alarm_needs_nothing_that_comes_after_it(runs):
    alarmed = [(run, place) for run in runs if (place := alarm(run)) is not None]
    assert alarmed
    for run, place in alarmed:
        assert alarm(run, place + 1) == place
        assert alarm(run, place) is None


def test_only_training_and_validation_numbers_are_looked_at(runs):
    seen = {"run", "num_classes", "train_loss", "train_accuracy", "val_loss", "val_accuracy"}
    for run in runs[:20]:
        assert replay({name: run[name] for name in seen}) == replay(run)
