"""Runs that begin with weights of others: of a saved run, of ImageNet. Each is a whole session on the digits that come with the product."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.config import RunConfig
from engine.data.arrivals import Arrivals
from engine.errors import BadKnob, DataError, NotFound
from engine.training import checkpoints, session
from engine.training.checkpoints import BadCheckpoint, Checkpoint, Written
from engine.training.inheriting import Saved, Shelf
from engine.training.numerics import choose
from engine.training.predicting import Predictor
from engine.training.ranging import Range, range_test
from tests.models.weights_server import packed, sell, serving
from tests.training.short_runs import settings

# Nothing is learned: what a run knows it had at its start.
STILL = {"learning_rate": 1e-7, "epochs": 1}


class Notes:
    """Who is told of a session, and remembers it."""

    def __init__(self) -> None:
        self.events: dict[str, Mapping[str, Any]] = {}
        self.said: dict[str, Any] = {}
        self.preparing: list[dict[str, Any]] = []
        self.kept: list[tuple[Written, bool]] = []

    def metric(self, *told: object) -> None: ...
    def got_on(self) -> None: ...
    def event(self, kind: str, step: int, epoch: int, data: Mapping[str, Any]) -> None:
        self.events[kind] = data

    def summary(self, **told: Any) -> None:
        self.said |= told
        if told.get("preparing"):
            self.preparing.append(told["preparing"])

    def checkpoint(self, written: Written, best: bool) -> None:
        self.kept.append((written, best))


def nobody(run: int) -> Saved:
    raise NotFound("errors.no_such_run", run=run)


class Room:
    """A place for runs whose best checkpoints others may begin with."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.weights = folder / "weights"
        self.runs: dict[int, Saved] = {}

    def place(self, number: int) -> session.Place:
        mine = self.folder / str(number)
        shelf = Shelf(self.weights, lambda run: self.runs.get(run) or nobody(run))
        return session.Place(mine / "checkpoints", mine / "samples", self.folder / "cache", (), lambda wanted: None, shelf)

    def train(
        self, number: int, config: RunConfig, asked: Callable[[], session.Asked | None] = lambda: None, start: Checkpoint | None = None
    ) -> tuple[Notes, session.Outcome]:
        notes, place = Notes(), self.place(number)
        outcome = session.train(config, session.Setting(choose(config, 1), None, asked), place, notes, start)
        if notes.kept:
            best = [written for written, best in notes.kept if best] or [notes.kept[-1][0]]
            self.runs[number] = Saved(place.checkpoints, best[-1].name, best[-1].epoch)
        return notes, outcome

    def range_test(self, config: RunConfig) -> Range:
        return range_test(config, Arrivals([], self.folder / "cache"), choose(config, 1), shelf=self.place(1).shelf)

    def last(self, number: int, notes: Notes) -> Checkpoint:
        return checkpoints.load(self.place(number).checkpoints, notes.kept[-1][0].name)

    def best(self, number: int) -> Checkpoint:
        saved = self.runs[number]
        return checkpoints.load(saved.folder, saved.name)


def tiny(**knobs: Any) -> RunConfig:
    return settings(**({"architecture": "resnet18", "width": 0.125, "train_share": 0.3, "epochs": 2} | knobs))


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Room:
    """With run 1, a ResNet that has learned."""
    room = Room(tmp_path_factory.mktemp("room"))
    room.train(1, tiny(learning_rate=3e-3, epochs=3))
    torch.use_deterministic_algorithms(False)
    return room


def test_a_run_begins_where_another_was_at_its_best(room: Room) -> None:
    learned, drawn = (room.train(2, tiny(weights=weights, train_share=1.0, **STILL))[0] for weights in ("run:1", "none"))
    assert learned.said["val_accuracy"] > 0.5 > drawn.said["val_accuracy"]
    event, best = learned.events["weights"], room.best(1)
    assert sorted(event["taken"]) == sorted(best.weights)
    assert {**event, "taken": []} == {
        "from": "run:1",
        "checkpoint": room.runs[1].name,
        "epoch": room.runs[1].epoch,
        "taken": [],
        "left": {},
    }
    brief = {name: event[name] for name in ("from", "checkpoint", "epoch")}
    assert learned.said["weights"] == {**brief, "taken": len(best.weights), "left": 0, "share": 1.0}
    assert "weights" not in drawn.said
    assert "weights" not in drawn.events


@pytest.mark.slow
def test_its_pictures_are_normalised_as_those_of_the_other(room: Room) -> None:
    notes, _ = room.train(3, tiny(weights="run:1", train_share=1.0, **STILL))
    plain, _ = room.train(4, tiny(train_share=1.0, **STILL))
    mean, std = (room.best(1).extra.facts[name] for name in ("mean", "std"))
    assert (room.last(3, notes).extra.facts["mean"], room.last(3, notes).extra.facts["std"]) == (mean, std)
    assert room.last(4, plain).extra.facts["mean"] != mean
    again, _ = room.train(5, tiny(weights="run:3", train_share=0.1, **STILL))
    assert room.last(5, again).extra.facts["mean"] == mean


def test_what_does_not_fit_is_named(room: Room) -> None:
    notes, _ = room.train(6, tiny(weights="run:1", pooling="compact_bilinear", pooling_size=512, **STILL))
    assert set(notes.events["weights"]["left"]) == {"pooling.buckets", "pooling.signs", "fc.weight", "fc.bias"}
    assert (notes.said["weights"]["left"], 0.5 < notes.said["weights"]["share"] < 1) == (4, True)


def test_weights_of_which_nothing_fits_are_refused(room: Room) -> None:
    with pytest.raises(DataError, match="run:1") as refused:
        room.train(7, settings(weights="run:1"))
    assert refused.value.key == "data.no_weights_fit"


def test_a_first_layer_that_does_not_fit_is_not_frozen_for_good(room: Room) -> None:
    larger = {"weights": "run:1", "resolution": 64, "train_share": 0.02, "batch_size": 8}
    with pytest.raises(BadKnob) as refused:
        room.train(13, tiny(plan="last", **larger))
    assert (refused.value.key, refused.value.fields["layer"]) == ("errors.drawn_before_last", 1)
    assert not room.place(13).checkpoints.exists()
    notes, outcome = room.train(14, tiny(plan="last_then_all", stage1_epochs=1, **larger))
    assert (outcome.why, notes.events["weights"]["left"]["conv1.weight"]) == ("finished", "shape")


def test_what_imagenets_weights_do_not_fit_is_refused_before_anything_is_fetched_or_read(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny(width=1.0, weights="imagenet", plan="last", dataset="nowhere")
    with serving(b"") as shop:
        sell(monkeypatch, "resnet18", shop.url)
        for begin in (lambda: room.train(15, config), lambda: room.range_test(config)):
            with pytest.raises(BadKnob) as refused:
                begin()
            assert (refused.value.key, refused.value.fields["layer"]) == ("errors.drawn_before_last", 1)
    assert (shop.asked, room.place(15).checkpoints.exists()) == (0, False)


def test_a_run_that_is_not_there_is_named(room: Room) -> None:
    with pytest.raises(NotFound, match="no run 99"):
        room.train(8, tiny(weights="run:99"))


def test_a_damaged_checkpoint_is_not_begun_with(room: Room, tmp_path: Path) -> None:
    place = dataclasses.replace(room.runs[1], folder=tmp_path)
    other = Room(tmp_path)
    other.runs[1] = place
    with pytest.raises(BadCheckpoint):
        other.train(2, tiny(weights="run:1"))


@pytest.mark.slow
def test_interrupted_and_resumed_it_is_the_same_to_the_bit(room: Room, tmp_path: Path) -> None:
    config = tiny(weights="run:1", train_share=0.5)
    whole, _ = room.train(9, config)
    steps = iter([None] * 5)
    paused, outcome = room.train(10, config, lambda: next(steps, "pause"))
    assert outcome.why == "pause"
    start = room.last(10, paused)
    assert start.state.step > 0
    gone = room.runs.pop(1)
    try:
        rest, outcome = room.train(10, config, start=start)
    finally:
        room.runs[1] = gone
    assert outcome.why == "finished"
    one, other = room.last(9, whole), room.last(10, rest)
    assert all(torch.equal(tensor, other.weights[name]) for name, tensor in one.weights.items())
    assert one.extra.facts["mean"] == other.extra.facts["mean"]


@pytest.mark.slow
def test_weights_of_imagenet_bring_their_normalisation_to_training_and_prediction(room: Room) -> None:
    config = settings(architecture="efficientnet_lite0", width=1.0, weights="imagenet", train_share=0.05, resolution=16, **STILL)
    notes, _ = room.train(11, config)
    assert notes.said["weights"]["from"] == "imagenet"
    assert notes.events["weights"]["left"] == {"fc.weight": "shape", "fc.bias": "shape"}
    best = room.best(11)
    predictor = Predictor.load(best)
    for name, moment in (("mean", predictor.mean), ("std", predictor.std)):
        torch.testing.assert_close(moment.flatten(), torch.tensor(best.extra.facts[name]))
    assert best.extra.facts["mean"] == pytest.approx([127 / 255])  # grey pictures: the mean over the colours
    assert best.extra.facts["std"] == pytest.approx([128 / 255])


@pytest.mark.slow
def test_a_range_test_begins_with_them_too(room: Room) -> None:
    learned, drawn = (room.range_test(tiny(train_share=0.1, weights=weights)).losses for weights in ("run:1", "none"))
    assert learned[0] < 0.5 * drawn[0]


def test_a_download_is_told_and_may_be_stopped(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(packed({"conv1.weight": torch.zeros(500_000)})) as shop:
        sell(monkeypatch, "resnet18", shop.url)
        config = tiny(width=1.0, weights="imagenet")
        looks = iter([None])
        notes, outcome = room.train(12, config, lambda: next(looks, "stop"))
        assert (outcome.why, notes.kept, list(room.weights.glob("*.pth"))) == ("stop", [], [])
        with pytest.raises(DataError, match="fits this network"):
            room.train(12, config)
    size = len(shop.content)
    assert notes.preparing == [{"what": "weights", "done": 0, "total": size}]
    assert [file.name for file in room.weights.glob("*.pth")] == [shop.file]
