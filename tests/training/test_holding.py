"""Training on pictures that stay on the disk: what it learns, how it goes on, and who decides that they stay there."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.data import blocks
from engine.data.blocks import Blocks
from engine.data.dataset import Dataset
from engine.data.loading import load
from engine.data.resident import Resident
from engine.data.split import Split, split
from engine.training import checkpoints, footprint, holding, session
from engine.training.checkpoints import Checkpoint
from engine.training.evaluation import evaluate
from engine.training.happenings import Stop
from engine.training.holding import DataIn
from engine.training.loop import Training
from engine.training.numerics import choose
from tests.training.short_runs import begin, epochs, follow, same_weights, settings

LIVELY = {"dropout": 0.3, "crop": 0.1, "rotation": 9.0, "batch_size": 100, "width": 0.25}


class Notes:
    """Who is told of a session: remembers its summary and its newest checkpoint."""

    def __init__(self) -> None:
        self.said: dict[str, Any] = {}
        self.newest = ""

    def metric(self, *told: object) -> None: ...
    def event(self, *told: object) -> None: ...
    def got_on(self) -> None: ...
    def summary(self, **told: object) -> None:
        self.said |= told

    def checkpoint(self, written: checkpoints.Written, best: bool) -> None:
        self.newest = written.name


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return load(settings().data, (), tmp_path_factory.mktemp("cache"))


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows of 320 digits of 16 px; of about 1,220 for training."""
    monkeypatch.setattr(blocks, "WINDOW", 320 * 16 * 16)


def on_disk(scans: Dataset) -> Blocks:
    return Blocks.load(scans, split(scans, settings().data), "cpu")


@pytest.mark.slow
def test_learns_through_windows_what_it_learns_from_memory(scans: Dataset) -> None:
    config = settings(epochs=16)
    whole = Resident.load(scans, split(scans, config.data), "cpu")
    (happened, _), (in_memory, _) = follow(begin(config, on_disk(scans))), follow(begin(config, whole))
    ours, theirs = epochs(happened)[-1].metrics, epochs(in_memory)[-1].metrics
    assert ours["val_accuracy"] > 0.85
    assert ours["val_accuracy"] == pytest.approx(theirs["val_accuracy"], abs=0.04)


def test_in_one_window_every_bit_is_that_of_memory(scans: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "WINDOW", 2**29)
    config = settings(epochs=1, **LIVELY)
    ours, theirs = begin(config, on_disk(scans)), begin(config, Resident.load(scans, split(scans, config.data), "cpu"))
    follow(ours)
    follow(theirs)
    assert same_weights(ours, theirs)


@pytest.mark.parametrize("step", [5, 13])
def test_goes_on_in_the_middle_of_an_epoch_with_the_same_bits(scans: Dataset, step: int) -> None:
    config = settings(**LIVELY)
    whole, first, second = (begin(config, on_disk(scans)) for _ in range(3))
    assert len(whole.data.order(0).split(100)) == 13
    follow(whole)
    follow(first, lambda happening: Stop() if first.step == step else None)
    second.model.load_state_dict(first.model.state_dict())
    rest = Training(second.model, second.data, config, second.numerics, first.state())
    rest.optimiser.load_state_dict(first.optimiser.state_dict())
    follow(rest)
    assert same_weights(whole, rest)


def test_evaluation_in_parts_reads_what_one_piece_reads(scans: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.training.evaluation.CPU_CHUNK", 20 * 16 * 16)
    data = on_disk(scans)
    training = begin(settings(), data)
    next(training.run())
    parted = evaluate(training.model, data, data.validation, dataclasses.replace(training.numerics, replicas=3))
    whole = evaluate(training.model, Resident.load(scans, split(scans, settings().data), "cpu"), data.validation, training.numerics)
    torch.testing.assert_close(parted.loss, whole.loss)


def dataset_of(count: int) -> Dataset:
    images, labels = np.zeros((count, 1, 16, 16), dtype=np.uint8), np.zeros(count, dtype=np.int64)
    return Dataset("made", images, labels, ("0",), labels.astype(bool), labels.astype(np.uint64), ())


def test_what_takes_more_than_half_of_what_is_free_stays_on_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(footprint, "free", lambda device: 20 * 16 * 16)
    assert holding.choose(dataset_of(10), "cpu") == "memory"
    assert holding.choose(dataset_of(11), "cpu") == "blocks"


def ran(
    folder: Path, asked: list[session.Asked | None], start: Checkpoint | None = None, data_in: DataIn | None = None
) -> tuple[Notes, session.Outcome]:
    """A session that is asked these things, one a step."""
    config, notes, questions = settings(epochs=2, **LIVELY), Notes(), iter(asked)
    load(config.data, (), folder.parent / "cache")  # so that every question is asked of a step
    place = session.Place(folder / "checkpoints", folder / "samples", folder.parent / "cache", (), lambda wanted: None)
    setting = session.Setting(choose(config, 1), None, lambda: next(questions, None), data_in=data_in)
    return notes, session.train(config, setting, place, notes, start)


def test_a_session_tells_its_choice_and_keeps_it_when_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as scarce:
        scarce.setattr(footprint, "free", lambda device: 1000)
        whole, _ = ran(tmp_path / "whole", [])
        paused, outcome = ran(tmp_path / "parted", [None] * 4 + ["pause"])
    assert (outcome.why, outcome.epoch) == ("pause", 0)
    start = checkpoints.load(tmp_path / "parted" / "checkpoints", paused.newest)
    assert start.state.step_in_epoch == 5
    assert holding.choose(dataset_of(10), "cpu") == "memory"
    rest, outcome = ran(tmp_path / "parted", [], start)
    assert outcome.why == "finished"
    assert (whole.said["data_in"], paused.said["data_in"], rest.said["data_in"]) == ("blocks",) * 3
    ended = [checkpoints.load(tmp_path / part / "checkpoints", notes.newest) for part, notes in (("whole", whole), ("parted", rest))]
    assert all(torch.equal(weight, ended[1].weights[name]) for name, weight in ended[0].weights.items())


def test_a_session_tells_what_crosses_the_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes, _ = ran(tmp_path / "run", ["stop"])
    assert notes.said["crossing"] == {"exact": 0.0, "near": None}
    doubled = Split(*(np.arange(*span) for span in ((0, 1200), (1100, 1300), (1300, 1797))))
    monkeypatch.setattr(session, "split", lambda dataset, config: doubled)
    notes, _ = ran(tmp_path / "leak", ["stop"])
    assert notes.said["crossing"] == {"exact": 0.5, "near": None}


def test_a_session_with_room_keeps_its_pictures_in_memory(tmp_path: Path) -> None:
    notes, _ = ran(tmp_path / "run", ["stop"])
    assert notes.said["data_in"] == "memory"


@pytest.mark.parametrize("kept", ["memory", "blocks"])
def test_a_second_attempt_without_a_checkpoint_has_its_pictures_where_the_first_had_them(
    kept: DataIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(footprint, "free", lambda device: 2**50 if kept == "blocks" else 0)
    notes, _ = ran(tmp_path / "run", ["stop"], data_in=kept)
    assert notes.said["data_in"] == kept
