"""The yardstick of a dataset: the upper quartile of its finished runs, by validation alone."""

from typing import Any

import numpy as np
import pytest

from engine.store import records, transitions
from engine.store.connect import Store
from engine.store.runs import State
from engine.store.standing import standing
from tests.store.filled import claimed

DIGITS = {"dataset": "digits", "validation_share": 0.2, "twins": "exact"}


def finished(store: Store, accuracy: float | None, state: State = State.FINISHED, noise: float | None = None, **knobs: Any) -> None:
    claim = claimed(store, **{"dataset": "digits"} | knobs)
    records.append(store, claim, records.Batch(summary={"val_accuracy": accuracy, "val_noise": noise}))
    transitions.end(store, claim, state)


def test_fewer_than_three_runs_are_no_yardstick(store: Store) -> None:
    finished(store, 0.9)
    finished(store, 0.8)
    assert standing(store, DIGITS).accuracy is None


def test_it_is_the_upper_quartile_of_finished_runs_on_this_data(store: Store) -> None:
    for accuracy in (0.5, 0.6, 0.7, 0.8, 0.9):
        finished(store, accuracy)
    finished(store, 0.99, dataset="cifar10")
    finished(store, 0.99, state=State.STOPPED)
    finished(store, None)
    assert standing(store, DIGITS).accuracy == 0.8


def test_between_two_runs_the_quartile_lies_between_them(store: Store) -> None:
    accuracies = [0.5, 0.9, 0.6]
    for accuracy in accuracies:
        finished(store, accuracy)
    assert standing(store, DIGITS).accuracy == pytest.approx(0.75), "not the best of three"
    finished(store, 0.7)
    assert standing(store, DIGITS).accuracy == pytest.approx(np.quantile([*accuracies, 0.7], 0.75))


def test_noise_is_the_median_and_runs_are_those_judged_by_the_same_pictures(store: Store) -> None:
    for noise in (0.01, 0.02, 0.09):
        finished(store, 0.9, noise=noise)
    finished(store, 0.9, validation_share=0.3)
    found = standing(store, DIGITS)
    assert (found.noise, found.runs) == (0.02, 3)


def test_runs_that_keep_near_twins_together_are_held_to_their_like(store: Store) -> None:
    for accuracy in (0.7, 0.8, 0.9):
        finished(store, accuracy)
        finished(store, accuracy - 0.2, twins="near")
    assert standing(store, DIGITS).accuracy == pytest.approx(0.85)
    assert standing(store, DIGITS | {"twins": "near"}).accuracy == pytest.approx(0.65)
