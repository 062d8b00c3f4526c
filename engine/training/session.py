"""One training run from its config to its end: data, network, loop, records, checkpoints, verdict, test.

Knows the run's folder and whom to tell; knows no store and no process. Only here, after the loop has ended, is the test part read.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import torch
from torch import nn

from engine import faults
from engine.config import RunConfig
from engine.data.crossing import across
from engine.data.dataset import Progress
from engine.data.loading import load
from engine.data.resident import Resident
from engine.data.split import split
from engine.diagnosis import Verdict, Yardstick
from engine.errors import DataError
from engine.models.building import build
from engine.models.speedrun import Speedrun
from engine.models.transfer import Donor
from engine.training import checkpoints, footprint, holding, inheriting
from engine.training.checkpoints import Checkpoint, Extra, Written
from engine.training.chronicle import BALANCED, Chronicle, Twins
from engine.training.evaluation import evaluate
from engine.training.facts import require_fit
from engine.training.happenings import BEGINNING, Ended, EpochDone, FeaturesDone, Happening, StageBegan, StepDone, Stop
from engine.training.holding import DataIn
from engine.training.inheriting import Handed, Shelf
from engine.training.live import Live
from engine.training.loop import Training, group_batches
from engine.training.numerics import Numerics
from engine.training.randomness import derive
from engine.training.samples import Album
from engine.training.staging import require_taken

# The stream of the initial weights, apart from every epoch's.
WEIGHTS = 2**31
# Seconds between two readings of the online loss; reading is the only wait for the device inside an epoch.
READ = 0.1
# Seconds between two checkpoints of the last epoch: writing and verifying costs as much as many a small epoch.
KEEP = 10.0
# A checkpoint's size in weights: with it the optimiser's slots, two for most. Kept at once: last two, best, the one being written.
SLOTS_AND_WEIGHTS, KEPT_AT_ONCE = 3, 4
MINUTE = 60.0
# What the single pictures say of an epoch, as far as it is drawn beside the verdict.
SHOWN_EVIDENCE = ("calibration_error", "paired_z")
# The kind of the event that other layers learn from now on.
STAGE = "stage"
# Numbers of the pictures by which a first layer is whitened: 1,365 of 3 x 32 px, 27 of 3 x 224 px.
SHOWN = 2**22
Asked = Literal["stop", "pause", "step"]
Why = Literal["finished", "early_stopping", "stop", "pause", "step", "time_limit"]


class Teller(Protocol):
    """Who is told what happens; none of it waits for a disk."""

    def metric(self, series: str, step: int, epoch: int, value: float) -> None: ...
    def event(self, kind: str, step: int, epoch: int, data: Mapping[str, Any]) -> None: ...
    def summary(self, **values: Any) -> None: ...
    def checkpoint(self, written: Written, best: bool) -> None: ...
    def got_on(self) -> None: ...


@dataclass(frozen=True)
class Place:
    """Where a run keeps its checkpoints and samples and finds its data. `room` raises when so many more bytes must not be written.

    `shelf`: where weights to begin with are found; None where nobody begins with any.
    """

    checkpoints: Path
    samples: Path
    cache: Path
    roots: tuple[Path, ...]
    room: Callable[[int], None]
    shelf: Shelf | None = None


@dataclass(frozen=True)
class Setting:
    """What is decided outside the config: numerics, the yardstick of this data, what is asked of it now, and which try it is.

    `data_in` is where an earlier attempt had the pictures. `keep_every` asks for a checkpoint of every so many epochs; 0 asks for none. At
    the end of epoch `pause_after` it leaves, as it does at the end of its epoch when a step is asked of it.
    """

    numerics: Numerics
    yardstick: Yardstick
    asked: Callable[[], Asked | None]
    attempt: int = 1
    keep_every: int = 0
    pause_after: int | None = None
    data_in: DataIn | None = None


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

    why: Why
    epoch: int
    test: Tested | None


def train(config: RunConfig, setting: Setting, place: Place, teller: Teller, start: Checkpoint | None = None) -> Outcome:
    """Run to the end, from `start` on if there is one.

    Raises DataError, BadKnob, NotFound and BadCheckpoint before the first step, Diverged after the epoch that did.
    """
    setting.numerics.apply()
    if start is None:
        require_fit(config)  # before anything is downloaded or read
    try:
        donor = None if start is not None else inheriting.donor(config.model, place.shelf, _progress(setting, teller))
        prepared = _prepare(config, setting if start is None else replace(setting, data_in=start.extra.facts["data_in"]), place, teller)
    except _Left as left:
        return Outcome(left.why, 0, None)
    data = prepared.data if start is None else _as_it_was(prepared.data, config, start)
    footprint.require_room(config, len(data.classes), footprint.free(setting.numerics.device))
    model, data, handed = newborn(config, data, donor)
    if handed is not None:
        teller.event("weights", 0, 0, handed.told)
        teller.summary(weights=handed.brief)
    prepared = replace(prepared, data=data)
    training = Training(model, data, config, setting.numerics, BEGINNING if start is None else start.state)
    if start is not None:
        if start.extra.facts["data"] != data.fingerprint():
            raise DataError("data.changed", name=config.data.dataset)
        checkpoints.restore(start, training.live)
    watch = _Watch(training, prepared, place, setting, teller)
    watch.introduce(None if start is None else start.extra)
    why, ended = watch.follow()
    test = _test(training.model, data, setting.numerics, place.checkpoints / watch.best) if why in ("finished", "early_stopping") else None
    return Outcome(why, ended.epoch, test)


def newborn(config: RunConfig, data: Resident, donor: Donor | None = None) -> tuple[nn.Module, Resident, Handed | None]:
    """The network as a run of this config begins with it, the pictures normalised as its weights want them, and what it was given.

    torch's global generator is seeded for it. Raises DataError when nothing of the weights fits, and BadKnob when a layer would neither
    take any nor ever learn.
    """
    if donor is not None:
        data = data.normalised_by(*donor.moments(data.channels))
    torch.manual_seed(derive(config.budget.seed, WEIGHTS))
    model = build(config.model, data.channels, len(data.classes), config.data.resolution)
    first_sight(model, data)
    if donor is None:
        return model, data, None
    handed = inheriting.hand_over(donor, model, data.classes)
    require_taken(config, model, handed.told["left"])
    return model, data, handed


def first_sight(model: nn.Module, data: Resident) -> None:
    """What a network takes from training pictures before its first step: one of ours whitens by them, the others take nothing."""
    for module in model.modules():
        if isinstance(module, Speedrun):
            few = data.probe[: max(1, SHOWN // data.images[0].numel())]
            module.whiten(data.normalise(data.pictures(few)))


def _as_it_was(data: Resident, config: RunConfig, start: Checkpoint) -> Resident:
    """The pictures by the mean and deviation that came with the weights which the run began with."""
    if config.model.weights == "none":
        return data
    mean, std = (torch.tensor(start.extra.facts[name]).view(1, -1, 1, 1) for name in ("mean", "std"))
    return data.normalised_by(mean, std)


class _Left(Exception):  # no error: somebody pressed Stop or Pause while the pictures were read
    def __init__(self, why: Literal["stop", "pause"]) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True)
class _Prepared:
    """The pictures where the run has them, and how many of validation it has learned from."""

    data: Resident
    twins: Twins


def _progress(setting: Setting, teller: Teller) -> Progress:
    def progress(what: str, done: int, total: int) -> None:
        asked = setting.asked()
        if what != "download" and asked is not None and asked != "step":  # a dataset's download is watched from another thread
            raise _Left(asked)
        teller.got_on()
        teller.summary(preparing={"what": what, "done": done, "total": total})

    return progress


def _prepare(config: RunConfig, setting: Setting, place: Place, teller: Teller) -> _Prepared:
    dataset = load(config.data, place.roots, place.cache, _progress(setting, teller))
    parts = split(dataset, config.data)
    if dataset.skipped:
        skipped = [{"path": one.path, "reason": one.reason} for one in dataset.skipped]
        teller.event("skipped", 0, 0, {"pictures": skipped})
    counts = np.bincount(dataset.labels[parts.train], minlength=len(dataset.classes))
    data_in = setting.data_in or holding.choose(dataset, setting.numerics.device)
    crossing = across(dataset, parts).shares()
    teller.summary(
        classes=len(dataset.classes), class_counts=counts.tolist(), train_images=len(parts.train), skipped=len(dataset.skipped),
        validation_images=len(parts.validation), test_images=len(parts.test), preparing=None, data_in=data_in,
        crossing=crossing,
    )  # fmt: skip
    return _Prepared(holding.hold(dataset, parts, setting.numerics.device, data_in), Twins(**crossing))


class _Watch:
    """Follows the loop: tells what happened, keeps checkpoints, asks for the verdict."""

    def __init__(self, training: Training, prepared: _Prepared, place: Place, setting: Setting, teller: Teller) -> None:
        self.training = training
        self.data = prepared.data
        self.place = place
        self.setting = setting
        self.teller = teller
        self.chronicle = Chronicle(self.data, training.config, setting.yardstick, prepared.twins)
        self.best = ""
        self.began = time.monotonic()
        self.read_at = 0.0
        self.kept_at = 0.0
        self.kept_step = -1
        self.size = checkpoint_size(training.live)
        self.album = Album(place.samples, self.data)
        self.pause_after = setting.pause_after

    def introduce(self, kept: Extra | None) -> None:
        """What is known before the first step, and, of a resumed run, what it knew when it was interrupted."""
        parameters = sum(parameter.numel() for parameter in self.training.model.parameters())
        config = self.training.config
        steps = len(group_batches(self.data.train, config.optimisation.batch_size, config.optimisation.accumulation))
        self.teller.event("model", self.training.step, self.training.epoch, {"parameters": parameters})
        self.teller.summary(parameters=parameters, epochs=config.budget.epochs, epoch=self.training.epoch, steps_per_epoch=steps)
        self.place.room(self.size * KEPT_AT_ONCE)
        if self.training.step == 0:
            self.album.first_batch(*self.training.next_batch())
        if kept is not None:
            self.chronicle.restore(kept)
            self.best = kept.facts["best"]
            self.began -= kept.facts["seconds"]
            if self.chronicle.verdict is not None:
                self._judged(self.chronicle.verdict)

    def follow(self) -> tuple[Why, Ended]:
        """Drive the loop to its end."""
        run = self.training.run()
        why: Why | None = None
        while True:
            try:
                happening = run.send(None if why is None else Stop())
            except StopIteration as end:
                self._keep()
                return why if end.value.reason == "stopped" and why else end.value.reason, end.value
            if isinstance(happening, StepDone | EpochDone):
                faults.point("training.step" if isinstance(happening, StepDone) else "training.epoch")
            self.teller.got_on()
            if isinstance(happening, EpochDone):
                self._epoch(happening)
            elif isinstance(happening, StageBegan):
                self._stage(happening)
            elif isinstance(happening, FeaturesDone):
                self._computing(happening)
            elif isinstance(happening, StepDone) and time.monotonic() - self.read_at >= READ:
                self._online(happening)
            why = self._asked() or self._out_of_time() or self._stepped(happening)

    def _asked(self) -> Literal["stop", "pause"] | None:
        """What is asked of it now; a step is remembered for the end of the epoch."""
        asked = self.setting.asked()
        if asked != "step":
            return asked
        self.pause_after = self.pause_after or self.training.epoch + 1
        return None

    def _stepped(self, happening: Happening) -> Literal["step"] | None:
        """Whether the epoch has ended at which it was to pause; after the last one it finishes instead."""
        if not isinstance(happening, EpochDone) or self.pause_after is None:
            return None
        return "step" if self.pause_after <= happening.epoch < self.training.config.budget.epochs else None

    def _out_of_time(self) -> Literal["time_limit"] | None:
        limit = self.training.config.budget.time_limit * MINUTE
        return "time_limit" if limit and self._seconds() > limit else None

    def _seconds(self) -> float:
        """Seconds of work on this run, in all attempts that it goes on from."""
        return time.monotonic() - self.began

    def _online(self, happening: StepDone) -> None:
        self.read_at = time.monotonic()
        window = happening.window()
        self.teller.metric("step_loss", happening.step, happening.epoch, window.loss)
        self.teller.metric("step_accuracy", happening.step, happening.epoch, window.accuracy)

    def _computing(self, done: FeaturesDone) -> None:
        self.teller.summary(preparing={"what": "features", "done": done.done, "total": done.total} if done.done < done.total else None)

    def _stage(self, began: StageBegan) -> None:
        said = {name: value for name, value in asdict(began).items() if name not in ("epoch", "step")}
        self.teller.event(STAGE, began.step, began.epoch, said)
        self.teller.summary(stage=said | {"begins": began.epoch - 1, "seconds": self._seconds()})

    def _epoch(self, done: EpochDone) -> None:
        for series, value in done.metrics.items():
            self.teller.metric(series, done.step, done.epoch, value)
        verdict = self.chronicle.judge(done)
        for series, value in self.chronicle.newest(*SHOWN_EVIDENCE, *(BALANCED if self.chronicle.uneven else ())).items():
            self.teller.metric(series, done.step, done.epoch, value)
        self._judged(verdict)
        every = self.setting.keep_every
        if done.nonfinite:
            return
        if done.best or time.monotonic() - self.kept_at >= KEEP or (every and done.epoch % every == 0):
            self._keep(done if done.best else None)

    def _judged(self, verdict: Verdict) -> None:
        training = self.training
        self.teller.event("verdict", training.step, training.epoch, verdict.as_dict())
        self.teller.summary(**self.chronicle.summary(), verdict=verdict.name, seconds=self._seconds(), step=training.step)

    def _keep(self, best: EpochDone | None = None) -> None:
        """A checkpoint of this moment, unless there is one already; of a best epoch, how it did on each picture lies there before."""
        training = self.training
        if training.step == self.kept_step:
            return
        self.place.room(self.size)
        name = f"{training.step:09d}-{self.setting.attempt}"
        if best is not None:
            self.album.best(name, best, self.best)
            self.best = name
        written = checkpoints.save(self.place.checkpoints, name, training.live, training.state(), self._extra())
        faults.point("checkpoint.before_row")
        self.teller.checkpoint(written, best is not None)
        self.kept_at, self.kept_step, self.size = time.monotonic(), training.step, written.bytes

    def _extra(self) -> Extra:
        training, kept = self.training, self.chronicle.keep()
        facts = {
            "config": training.config.model_dump(mode="json"), "numerics": training.numerics.as_dict(), "classes": list(self.data.classes),
            "channels": self.data.channels, "mean": self.data.mean.flatten().tolist(), "std": self.data.std.flatten().tolist(),
            "data": self.data.fingerprint(), "best": self.best, "seconds": self._seconds(),
            "data_in": holding.held_in(self.data),
        }  # fmt: skip
        return Extra({**facts, **kept.facts}, kept.tensors)


def checkpoint_size(live: Live) -> int:
    """About how many bytes a checkpoint of these takes."""
    copies = SLOTS_AND_WEIGHTS + (live.average is not None)
    return copies * sum(tensor.numel() * tensor.element_size() for tensor in live.model.state_dict().values())


def _test(model: nn.Module, data: Resident, numerics: Numerics, best: Path) -> Tested:
    """The one look at the test part, on the weights of the best epoch as they were evaluated there."""
    checkpoint = checkpoints.load(best.parent, best.name)
    model.load_state_dict(checkpoint.weights)
    loss, accuracy = evaluate(model, data, data.test, numerics).means()
    return Tested(checkpoint.state.best_epoch, loss, accuracy, len(data.test))
