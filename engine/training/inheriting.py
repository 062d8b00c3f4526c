"""What weights a run begins with, if not drawn ones: published, or a saved run's best. Knows where to ask, and no store.

They come with the mean and deviation by which their pictures were normalised; the run normalises by those, and its checkpoints hold them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from engine.config.model import ModelConfig
from engine.data.dataset import Progress
from engine.errors import DataError
from engine.models import published, transfer
from engine.models.transfer import Donor
from engine.training import checkpoints
from engine.training.checkpoints import BadCheckpoint


@dataclass(frozen=True)
class Saved:
    """A checkpoint of a run, after so many epochs."""

    folder: Path
    name: str
    epoch: int


@dataclass(frozen=True)
class Shelf:
    """Where weights are found: downloads go into `folder`; `best` names the best checkpoint of a run. Raises NotFound."""

    folder: Path
    best: Callable[[int], Saved]


def donor(model: ModelConfig, shelf: Shelf | None, progress: Progress) -> Donor | None:
    """The weights that a config asks for; `progress` is told of a download. Raises DataError, NotFound, BadCheckpoint."""
    if model.weights == "none":
        return None
    assert shelf is not None, "nobody said where weights are found"
    if model.weights_run is not None:
        return _saved(model, shelf.best(model.weights_run))
    return published.open_published(model.architecture, shelf.folder, partial(progress, "weights"))


def _saved(model: ModelConfig, saved: Saved) -> Donor:
    checkpoint = checkpoints.load(saved.folder, saved.name)
    facts = checkpoint.extra.facts
    mean, std, channels = facts.get("mean", []), facts.get("std", []), facts.get("channels")
    if not len(mean) == len(std) == channels:
        raise BadCheckpoint(f"{saved.name}.json")
    said = {"from": model.weights, "checkpoint": saved.name, "epoch": saved.epoch}
    return Donor(checkpoint.weights, mean, std, facts.get("classes", []), said)


@dataclass(frozen=True)
class Handed:
    """What was taken of the weights and what was left, at length and in short."""

    told: dict[str, Any]
    brief: dict[str, Any]


def hand_over(given: Donor, network: nn.Module, classes: Sequence[str]) -> Handed:
    """Put them into the network; what there is to tell of it. Raises DataError when nothing fits."""
    found = transfer.give(given, network, classes)
    if not found.share:
        raise DataError("data.no_weights_fit", weights=given.said["from"])
    brief = {**given.said, "taken": len(found.taken), "left": len(found.left), "share": round(found.share, 4)}
    return Handed({**given.said, "taken": found.taken, "left": found.left}, brief)
