"""One training run from its config to its end: data, network, loop, records, checkpoints, verdict, test.

Knows the run's folder and whom to tell; knows no store and no process. Only here, after the loop has ended, is the test part read.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from engine.config import RunConfig
from engine.data.loading import load
from engine.data.resident import Resident
from engine.data.split import split
from engine.models.building import build
from engine.training import checkpoints
from engine.training.chronicle import Chronicle
from engine.training.evaluation import evaluate
from engine.training.happenings import Ended, EpochDone, StepDone, Stop
from engine.training.loop import Training, group_batches
from engine.training.numerics import Numerics
from engine.training.randomness import derive

# The stream of the initial weights, apart from every epoch's.
WEIGHTS = 2**31
# Seconds between two readings of the online loss; reading is the only wait for the device inside an epoch.
READ = 0.1
# Seconds between two checkpoints of the last epoch: writing and verifying costs as much as many a small epoch.
KEEP = 10.0
BEST, LAST = "best", "last"


class Teller(Protocol):
    """Who is told what happens; none of it waits for a disk."""

    def metric(self, series: str, step: int, epoch: int, value: float) -> None: ...
    def event(self, kind: str, step: int, epoch: int, data: Mapping[str, Any]) -> None: ...
    def summary(self, **values: Any) -> None: ...


@dataclass(frozen=True)
class Place:
    """Where a run keeps its files and finds its data."""

    folder: Path
    cache: Path
    roots: tuple[Path, ...]


@dataclass(frozen=True)
class Setting:
    """What is decided outside the config: numerics, the yardstick of this data, and whether to stop now."""

    numerics: Numerics
    reference: float | None
    stop: Callable[[], bool]


@dataclass(frozen=True)
class Tested:
    """The test part on the best checkpoint: mean loss in nats, accuracy, images."""

    epoch: int
    loss: float
    accuracy: float
    images: int


@dataclass(frozen=True)
class Outcome:
    """How the run ended; `test` only when it ran to its end."""

    ended: Ended
    test: Tested | None


def train(config: RunConfig, setting: Setting, place: Place, teller: Teller) -> Outcome:
    """Run to the end. Raises DataError before the first step, Diverged after the epoch that did."""
    setting.numerics.apply()
    try:
        data = _prepare(config, place, setting, teller)
    except _StoppedEarly:
        return Outcome(Ended("stopped", 0, 0), None)
    torch.manual_seed(derive(config.budget.seed, WEIGHTS))
    model = build(config.model, data.channels, len(data.classes), config.data.resolution)
    training = Training(model, data, config, setting.numerics)
    watch = _Watch(training, data, place.folder, setting, teller)
    watch.introduce()
    ended = watch.follow()
    return Outcome(ended, None if ended.reason == "stopped" else _test(training.model, data, setting.numerics, place.folder))


class _StoppedEarly(Exception):  # no error: somebody pressed Stop while the pictures were read
    pass


def _prepare(config: RunConfig, place: Place, setting: Setting, teller: Teller) -> Resident:
    def progress(what: str, done: int, total: int) -> None:
        if what == "decode" and setting.stop():
            raise _StoppedEarly
        teller.summary(preparing={"what": what, "done": done, "total": total})

    dataset = load(config.data, place.roots, place.cache, progress)
    parts = split(dataset, config.data)
    if dataset.skipped:
        skipped = [{"path": one.path, "reason": one.reason} for one in dataset.skipped]
        teller.event("skipped", 0, 0, {"pictures": skipped})
    counts = np.bincount(dataset.labels[parts.train], minlength=len(dataset.classes))
    teller.summary(
        classes=len(dataset.classes), class_counts=counts.tolist(), train_images=len(parts.train), skipped=len(dataset.skipped),
        validation_images=len(parts.validation), test_images=len(parts.test), preparing=None,
    )  # fmt: skip
    return Resident.load(dataset, parts, setting.numerics.device)


class _Watch:
    """Follows the loop: tells what happened, keeps checkpoints, asks for the verdict."""

    def __init__(self, training: Training, data: Resident, folder: Path, setting: Setting, teller: Teller) -> None:
        self.training = training
        self.data = data
        self.folder = folder
        self.stop = setting.stop
        self.teller = teller
        self.chronicle = Chronicle(data, training.config.budget.epochs, setting.reference)
        self.began = time.monotonic()
        self.read_at = 0.0
        self.kept_at = 0.0

    def introduce(self) -> None:
        """What is known before the first step."""
        parameters = sum(parameter.numel() for parameter in self.training.model.parameters())
        config = self.training.config
        steps = len(group_batches(self.data.train, config.optimisation.batch_size, config.optimisation.accumulation))
        self.teller.event("model", 0, 0, {"parameters": parameters})
        self.teller.summary(parameters=parameters, epochs=config.budget.epochs, epoch=0, steps_per_epoch=steps)

    def follow(self) -> Ended:
        """Drive the loop to its end."""
        run = self.training.run()
        message: Stop | None = None
        while True:
            try:
                happening = run.send(message)
            except StopIteration as end:
                self._keep(LAST)
                return end.value
            if isinstance(happening, EpochDone):
                self._epoch(happening)
            elif isinstance(happening, StepDone) and time.monotonic() - self.read_at >= READ:
                self._online(happening)
            message = Stop() if self.stop() else None

    def _online(self, happening: StepDone) -> None:
        self.read_at = time.monotonic()
        window = happening.window()
        self.teller.metric("step_loss", happening.step, happening.epoch, window.loss)
        self.teller.metric("step_accuracy", happening.step, happening.epoch, window.accuracy)

    def _epoch(self, done: EpochDone) -> None:
        for series, value in done.metrics.items():
            self.teller.metric(series, done.step, done.epoch, value)
        verdict = self.chronicle.judge(done)
        self.teller.event("verdict", done.step, done.epoch, verdict.as_dict())
        self.teller.summary(**self.chronicle.summary(), verdict=verdict.name, seconds=time.monotonic() - self.began, step=done.step)
        if done.best:
            self._keep(BEST)
        if time.monotonic() - self.kept_at >= KEEP:
            self._keep(LAST)

    def _keep(self, name: str) -> None:
        training = self.training
        extra = {
            "config": training.config.model_dump(mode="json"), "numerics": training.numerics.as_dict(), "classes": list(self.data.classes),
            "channels": self.data.channels, "mean": self.data.mean.flatten().tolist(), "std": self.data.std.flatten().tolist(),
        }  # fmt: skip
        checkpoints.save(self.folder, name, training.model, training.optimiser, training.state(), extra)
        if name == LAST:
            self.kept_at = time.monotonic()


def _test(model: nn.Module, data: Resident, numerics: Numerics, folder: Path) -> Tested | None:
    """The one look at the test part, on the weights of the best epoch."""
    best = checkpoints.load(folder, BEST)
    model.load_state_dict(best.weights)
    loss, accuracy = evaluate(model, data, data.test, numerics).means()
    return Tested(best.state.best_epoch, loss, accuracy, len(data.test))
