"""The yardstick of a dataset: the upper quartile of its finished runs, by validation alone."""

import pytest

from engine.store import records, transitions
from engine.store.connect import Store
from engine.store.runs import State
from engine.store.standing import reference_accuracy
from tests.store.filled import claimed


def finished(store: Store, accuracy: float | None, state: State = State.FINISHED, **knobs: str) -> None:
    claim = claimed(store, **knobs)
    records.append(store, claim, records.Batch(summary={"val_accuracy": accuracy}))
    transitions.end(store, claim, state)


def test_fewer_than_three_runs_are_no_yardstick(store: Store) -> None:
    finished(store, 0.9)
    finished(store, 0.8)
    assert reference_accuracy(store, "digits") is None


def test_it_is_the_upper_quartile_of_finished_runs_on_this_data(store: Store) -> None:
    for accuracy in (0.5, 0.6, 0.7, 0.8, 0.9):
        finished(store, accuracy)
    finished(store, 0.99, dataset="cifar10")
    finished(store, 0.99, state=State.STOPPED)
    finished(store, None)
    assert reference_accuracy(store, "digits") == 0.8


def test_runs_that_keep_near_twins_together_are_held_to_their_like(store: Store) -> None:
    for accuracy in (0.7, 0.8, 0.9):
        finished(store, accuracy)
        finished(store, accuracy - 0.2, twins="near")
    assert (reference_accuracy(store, "digits"), reference_accuracy(store, "digits", "near")) == pytest.approx((0.9, 0.7))
