"""Short runs on real digits: the data, a config of milliseconds, and a consumer of the loop."""

import dataclasses
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional

from engine.config import RunConfig
from engine.data.resident import Resident
from engine.models.building import build
from engine.training.happenings import BEGINNING, Change, Ended, EpochDone, Happening, State, StepDone, Stop
from engine.training.loop import Training
from engine.training.numerics import choose
from engine.training.source import Source


@cache
def _scans(resolution: int) -> tuple[Tensor, Tensor]:
    """All 1,797 digits, blown up: uint8 (N, 1, R, R) and labels (N,), shuffled once."""
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    pictures = torch.from_numpy(images[order].reshape(-1, 8, 8)).float()[:, None] * (255 / 16)
    blown_up = functional.interpolate(pictures, size=(resolution, resolution), mode="bilinear", align_corners=False)
    return blown_up.round().byte(), torch.from_numpy(labels[order])


def digits(resolution: int = 16, train: int = 150, validation: int = 60) -> Resident:
    """That many pictures in each part; the probe is the front of the training part, the test part is empty."""
    images, labels = _scans(resolution)
    parts = torch.arange(train + validation).split([train, validation])
    pictures = images[parts[0]].float() / 255
    mean, std = pictures.mean().view(1, 1, 1, 1), pictures.std().view(1, 1, 1, 1)
    classes = tuple(map(str, range(10)))
    keys = np.arange(len(labels), dtype=np.uint64)
    nothing = torch.empty(0, dtype=torch.int64)
    return Resident(images, labels, parts[0], parts[1], nothing, parts[0][:validation], mean, std, classes, keys)


def misled(data: Resident) -> Resident:
    """The same data with every validation label wrong: the better the net, the higher its validation loss."""
    labels = data.labels.clone()
    labels[data.validation] = (labels[data.validation] + 1) % 10
    return dataclasses.replace(data, labels=labels)


def settings(**knobs: Any) -> RunConfig:
    """A short exact run of a narrow LeNet at 16 px."""
    short = {"resolution": 16, "width": 0.5, "epochs": 2, "batch_size": 32, "dropout": 0.0, "precision": "exact", "device": "cpu"}
    return RunConfig.from_flat(short | knobs)


def network(config: RunConfig) -> nn.Module:
    """The config's network for digits, initialised under its seed."""
    torch.manual_seed(config.budget.seed)
    return build(config.model, channels=1, classes=10, resolution=config.data.resolution)


def begin(config: RunConfig, data: Source, start: State = BEGINNING) -> Training:
    """A training of the config's network in the numerics that it asks for, on one thread."""
    numerics = choose(config, cores=1)
    numerics.apply()
    return Training(network(config), data, config, numerics, start)


Answer = Callable[[Happening], Change | Stop | None]


def follow(training: Training, answer: Answer = lambda happening: None) -> tuple[list[Happening], Ended]:
    """Run to the end, answering every happening; all of them, and how it ended."""
    run, happened, message = training.run(), [], None
    while True:
        try:
            happened.append(run.send(message))
        except StopIteration as end:
            return happened, end.value
        message = answer(happened[-1])


def epochs(happened: list[Happening]) -> list[EpochDone]:
    return [happening for happening in happened if isinstance(happening, EpochDone)]


def steps(happened: list[Happening]) -> list[StepDone]:
    return [happening for happening in happened if isinstance(happening, StepDone)]


def same_weights(one: Training, other: Training) -> bool:
    """Whether every weight and buffer has the same bits, those that are trained and those that are evaluated."""
    pairs = ((one.model, other.model), (one.live.evaluated(), other.live.evaluated()))
    return all(_same(mine.state_dict(), its.state_dict()) for mine, its in pairs)


def _same(mine: dict[str, Tensor], its: dict[str, Tensor]) -> bool:
    return mine.keys() == its.keys() and all(torch.equal(mine[key], its[key]) for key in mine)
