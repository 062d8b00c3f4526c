"""The yardstick of a dataset: the upper quartile of its finished runs, by validation alone."""

from pathlib import Path

import pytest

from engine.config import RunConfig
from engine.store import records, runs
from engine.store.connect import Store
from engine.store.home import Home
from engine.store.runs import State
from engine.store.standing import reference_accuracy


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(Home(tmp_path))


def finished(store: Store, accuracy: float | None, dataset: str = "digits", state: State = State.FINISHED) -> None:
    runs.create(store, RunConfig.from_flat({"dataset": dataset}).model_dump(mode="json"), 1, "a run")
    claim = runs.claim(store)
    assert claim is not None
    runs.begin(store, claim, {})
    records.append(store, claim, records.Batch(summary={"val_accuracy": accuracy}))
    runs.end(store, claim, state)


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
