"""The evidence of a stored run, made anew from its curves."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.config import CONFIG_VERSION, RunConfig
from engine.diagnosis import judge
from engine.diagnosis.traces import Trace
from engine.store import records, runs, transitions
from engine.store.blobs import Columns
from engine.store.connect import Store
from engine.store.home import Home
from engine.store.records import Batch, Metric
from engine.store.runs import New, Run
from engine.studies.evidence import evidence
from tests.diagnosis import golden

HISTORY = golden.GOLDEN["overfitting seen in pictures"]
CURVES = {name: list(map(float, getattr(HISTORY, name))) for name in ("val_loss", "val_accuracy", "probe_loss", "probe_accuracy")}
assert HISTORY.pictures is not None
CURVES |= {name: list(map(float, getattr(HISTORY.pictures, name))) for name in ("paired_z", "calibration_error")}
SUMMARY = {"validation_images": 2000, "train_images": 9000, "class_counts": list(HISTORY.class_counts)}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(Home(tmp_path))
    yield store
    store.engine.dispose()


def trained(store: Store, curves: dict[str, list[float | None]], first: int = 1) -> Run:
    """A run that has told these curves, from this epoch on, beside what is told between epochs."""
    number = runs.create(store, New("a run", RunConfig.from_flat({"epochs": 60}).model_dump(mode="json"), CONFIG_VERSION))
    claim = transitions.claim(store, [run.id for run in runs.listing(store) if run.id != number])
    assert claim is not None
    told = [(name, epoch, value) for name, values in curves.items() for epoch, value in enumerate(values, first)]
    told += [("step_loss", 1, 0.5), ("step_loss", 1, 0.4)]
    rows = [Metric(seq, name, 20 * epoch, epoch, value, 0.0) for seq, (name, epoch, value) in enumerate(told, 1)]
    records.append(store, claim, Batch(rows, summary=SUMMARY))
    return runs.get(store, number)


def drawn(store: Store, run: Run) -> dict[str, Trace]:
    return {each.name: each for each in evidence(run, records.curves(store, run.id))}


def test_it_is_what_the_worker_judged_by(store: Store) -> None:
    found, said = drawn(store, trained(store, CURVES)), {one.name: one for one in judge(HISTORY).evidence}
    assert list(found) == ["rise", "gap", "paired", "calibration"]
    assert found["rise"].value[-1] == pytest.approx(said["rise"].fields["now_loss"] - said["rise"].fields["best_loss"])
    gap = found["gap"]
    assert gap.low is not None and gap.high is not None
    assert (gap.value[-1], gap.low[-1], gap.high[-1]) == pytest.approx((said["gap"].value, said["gap"].low, said["gap"].high))
    assert found["paired"].value[-1] == said["paired_loss"].value
    assert found["rise"].epoch.tolist() == list(range(1, 61))


def test_before_the_first_epoch_there_is_none(store: Store) -> None:
    run = trained(store, {})
    assert evidence(run, {}) == evidence(run, records.curves(store, run.id)) == []


def test_a_run_from_before_there_was_a_probe_or_pictures_has_what_it_has(store: Store) -> None:
    assert drawn(store, trained(store, {"val_loss": CURVES["val_loss"]})) == {}
    losses = trained(store, {name: CURVES[name] for name in ("val_loss", "probe_loss")})
    assert list(drawn(store, losses)) == ["rise"]


def test_an_epoch_that_is_not_finite_or_not_there_is_a_gap(store: Store) -> None:
    broken = trained(store, CURVES | {"val_loss": [None if k == 30 else loss for k, loss in enumerate(CURVES["val_loss"])]})
    assert 31 not in drawn(store, broken)["rise"].epoch
    late = trained(store, CURVES, first=5)
    assert drawn(store, late)["rise"].epoch.tolist() == list(range(5, 65))


def test_points_at_no_epoch_or_at_one_that_no_run_has_are_left_out(store: Store) -> None:
    run = trained(store, CURVES)
    curves = records.curves(store, run.id)
    strange = {name: stretched(points) for name, points in curves.items()}
    same = {each.name: each for each in evidence(run, strange)}
    assert same["rise"].epoch.tolist() == list(range(1, 61))
    for name, trace in drawn(store, run).items():
        assert np.array_equal(same[name].value, trace.value, equal_nan=True)


def stretched(points: Columns) -> Columns:
    """With a point of epoch 0, and one of an epoch that nobody reaches, as a strange manifest may have them."""
    ends = [points.where(slice(0, 1))._replace(epoch=np.array([epoch], np.int32), value=np.array([9.0])) for epoch in (0, 2**31 - 1)]
    return Columns(*(np.concatenate(each) for each in zip(points, *ends, strict=True)))
