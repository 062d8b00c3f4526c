"""The training loop: a generator that yields what happened and is told what to change.

Knows no files, no processes and no store, and never reads the test part. Inside an epoch it never waits for the device.
"""

import math
from collections.abc import Generator
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.config.run import KNOBS, RunConfig
from engine.data.augment import augment
from engine.models.stochastic_depth import spread
from engine.training import optimisers
from engine.training.evaluation import Evaluation, evaluate
from engine.training.happenings import BEGINNING, Change, Changed, Diverged, Ended, EpochDone, Happening, Message, State, StepDone, Stop
from engine.training.live import Average, Live
from engine.training.meter import Meter, Stopwatch, Sums
from engine.training.numerics import Numerics
from engine.training.randomness import derive
from engine.training.replicas import Replica, replicas, side_by_side
from engine.training.schedules import rate, watched
from engine.training.source import Source
from engine.training.staging import Staging, penalised, shares

# Batch norm cannot take the variance of one image.
SMALLEST_BATCH = 2
# The streams of a step's augmentation and of its replicas' dropout. On the CPU equal seeds would give equal draws.
AUGMENTATION, DROPOUT = 1, 2
# The stream of the pictures' turns in mirroring, apart from every epoch's.
TURNS = 2**31 + 1


class Training:
    """One run in progress.

    `live` are the network, its optimiser and its average (restore a checkpoint into them before `run`), `config` holds the knobs in
    force: of a change asked for, those that wait for the next epoch are not in it yet.
    """

    def __init__(self, model: nn.Module, data: Source, config: RunConfig, numerics: Numerics, start: State = BEGINNING) -> None:
        self.model = numerics.place_model(model)
        self.data = data
        self.config = config
        self.numerics = numerics
        self.optimiser = optimisers.build(config.optimisation, self.model, numerics.fused, shares(config.stages, self.model))
        self.epoch, self.step_in_epoch, self.step = start.epoch, start.step_in_epoch, start.step
        self.best_loss, self.best_epoch, self.plateau = start.best_loss, start.best_epoch, start.plateau
        self.average: Average | None = None
        self._asked = config
        self._meter = Meter(numerics.device, start.sums)
        self._clock = Stopwatch(start.seconds)
        self._augmentation = torch.Generator(numerics.device)
        self._replicas = replicas(numerics.quickened(self.model), numerics.replicas, numerics.device)
        self._staging = Staging(self.model, [replica.model for replica in self._replicas], data, numerics)
        self._follow_knobs()

    @property
    def live(self) -> Live:
        """What a checkpoint is of."""
        return Live(self.model, self.optimiser, self.average)

    def state(self) -> State:
        """Where the run stands; to be asked at a yield. Waits for the device."""
        place = self.epoch, self.step_in_epoch, self.step, self.best_loss, self.best_epoch
        return State(*place, self._meter.read(), self._clock.read(), self.plateau)

    def slept(self, seconds: float) -> None:
        """Leave a pause between two steps out of the epoch's seconds."""
        self._clock.skip(seconds)

    def next_batch(self) -> tuple[Tensor, Tensor]:
        """Pictures (n, C, R, R) in [0, 1], augmented as the next step will see them, and their labels. Changes nothing."""
        groups = group_batches(self._order(), self.config.optimisation.batch_size, self.config.optimisation.accumulation)
        self._seed()
        return self._augmented(groups[self.step_in_epoch][0])

    def run(self) -> Generator[Happening, Message, Ended]:
        """Train to the end. `send` a Change or Stop at any yield. Raises Diverged after the epoch that did."""
        reason: Literal["finished", "early_stopping", "stopped"] | None = "early_stopping" if self._out_of_patience() else None
        while reason is None and self.epoch < self.config.budget.epochs:
            stopped = (yield from self._steps()) or (yield from self._finish_epoch())
            reason = "stopped" if stopped else "early_stopping" if self._out_of_patience() else None
        return Ended(reason or "finished", self.epoch, self.step)

    def _steps(self) -> Generator[Happening, Message, bool]:
        """The rest of the epoch in progress. True when told to stop."""
        if self.step_in_epoch == 0 and (yield from self._put_in_force("now", "next epoch")):
            return True
        for change in self._staging.enter(self.config, self.epoch, self.step, begins=self.step_in_epoch == 0):
            if (yield from self._tell(change)):
                return True
        self._staging.train()
        optimisers.set_now(self.optimiser, penalised(self.config, self.epoch))
        optimisers.welcome(self.optimiser)
        groups = group_batches(self._order(), self.config.optimisation.batch_size, self.config.optimisation.accumulation)
        while self.step_in_epoch < len(groups):
            self._clock.start()
            now = rate(self.config, self.epoch * len(groups) + self.step_in_epoch, len(groups), self.plateau.drops)
            self._take_step(groups[self.step_in_epoch], now)
            if (yield from self._tell(StepDone(self.epoch + 1, self.step, now, self._meter))):
                return True
        return False

    def _take_step(self, batches: list[Tensor], now: float) -> None:
        self._seed()
        self.numerics.begin_step()
        self.optimiser.zero_grad()
        images = sum(len(batch) for batch in batches)
        for batch in batches:
            self._add_gradient(batch, images)
        first, *others = self._replicas
        for other in others:
            first.add_gradients(other)
        norm, knobs = optimisers.gradient_norm(self.optimiser), self.config.optimisation
        self._meter.add_step(norm)
        if knobs.clip:
            optimisers.clip(self.optimiser, norm, knobs.clip)
        optimisers.take_step(self.optimiser, now)
        self.step_in_epoch += 1
        self.step += 1
        if self.average is not None:
            self.average.follow(knobs.ema, self.step)

    def _seed(self) -> None:
        """Every stream of randomness to where the next step's begins."""
        place = self.config.budget.seed, self.epoch, self.step_in_epoch + 1
        self.numerics.seed(derive(*place))
        self._augmentation.manual_seed(derive(*place, AUGMENTATION))
        for replica in self._replicas:
            replica.seed(*place, DROPOUT)

    def _augmented(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        config = self.config.augmentation
        turns = self._turns[indices].add_(self.epoch * config.flip).frac_() if config.flip_order == "alternating" else None
        return augment(config, self.data.pictures(indices), self.data.labels[indices], self._augmentation, turns)

    @cached_property
    def _turns(self) -> Tensor:
        """Where each picture of the dataset stands in its round of mirroring in the first epoch, (N,) in [0, 1)."""
        generator = torch.Generator().manual_seed(derive(self.config.budget.seed, TURNS))
        return torch.rand(len(self.data.labels), generator=generator).to(self.numerics.device, non_blocking=True)

    def _add_gradient(self, indices: Tensor, images: int) -> None:
        """Forward and backward of one batch in a step of so many images."""
        pictures, labels = self._input(indices)

        def learn(share: tuple[Replica, Tensor, Tensor]) -> tuple[Tensor, Tensor]:
            replica, seen, known = share
            with self.numerics.autocast():
                logits = self._network(replica, seen)(seen)
            loss = functional.cross_entropy(logits.float(), known, label_smoothing=self.config.optimisation.label_smoothing)
            (loss * (len(known) / images)).backward()
            return loss.detach(), logits.detach()

        count = min(len(self._replicas), len(indices))
        shares = list(zip(self._replicas, pictures.tensor_split(count), labels.tensor_split(count), strict=False))
        for (_, _, known), (loss, logits) in zip(shares, side_by_side(learn, shares), strict=True):
            self._meter.add_batch(loss, logits, known)

    def _input(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """What the network is asked of these pictures, or the end of it where the frozen layers were asked before, and the labels."""
        if self._staging.features is not None:
            return self._staging.features.pictures(indices), self.data.labels[indices]
        pictures, labels = self._augmented(indices)
        return self.numerics.place_batch(self.data.normalise(pictures)), labels

    def _network(self, replica: Replica, seen: Tensor) -> nn.Module:
        """Of a compiled network its plain form, where compiling once more for a smaller last batch would take a minute."""
        if self._staging.features is not None:
            return self._staging.ends[replica.rank]
        whole = len(seen) == self.config.optimisation.batch_size
        return replica.model if whole or not self.numerics.compiled else self.model

    def _finish_epoch(self) -> Generator[Happening, Message, bool]:
        sums = self._meter.close()
        seconds = self._clock.close()
        network, source = self._staging.evaluated(self.live.evaluated()), self._staging.source
        validation = evaluate(network, source, self.data.validation, self.numerics)
        probe = evaluate(network, source, self.data.probe, self.numerics)
        metrics = {**self._online(sums, seconds), **_means(probe, "probe"), **_means(validation, "val")}
        self.epoch, self.step_in_epoch = self.epoch + 1, 0
        best = self.best_loss is None or metrics["val_loss"] < self.best_loss
        if best:
            self.best_loss, self.best_epoch = metrics["val_loss"], self.epoch
        self.plateau = watched(self.plateau, self.config, self.epoch, metrics["val_loss"])
        nonfinite = not (math.isfinite(metrics["train_loss"]) and math.isfinite(metrics["val_loss"]))
        stopped = yield from self._tell(EpochDone(self.epoch, self.step, metrics, validation, probe, nonfinite, best))
        if nonfinite:
            raise Diverged(self.epoch, self.step)
        return stopped

    def _online(self, sums: Sums, seconds: float) -> dict[str, float]:
        return {
            "train_loss": sums.loss / sums.images,
            "train_accuracy": sums.correct / sums.images,
            "learning_rate": self.optimiser.param_groups[0]["lr"],
            "grad_norm": sums.grad_norm / sums.steps,
            "epoch_seconds": seconds,
            "images_per_second": sums.images / seconds,
        }

    def _out_of_patience(self) -> bool:
        """A stage that has just begun has time to get better."""
        patience = self.config.budget.early_stopping
        return patience > 0 and self.epoch - max(self.best_epoch, self.config.stages.first_stage) >= patience

    def _follow_knobs(self) -> None:
        """Dropout, stochastic depth and the average are from now on what the config says."""
        for replica in self._replicas:
            spread(replica.model, self.config.model.stochastic_depth)
            for module in replica.model.modules():
                if isinstance(module, nn.Dropout):
                    module.p = self.config.model.dropout
        if not self.config.optimisation.ema:
            self.average = None
        elif self.average is None:
            self.average = Average(self.model)

    def _order(self) -> Tensor:
        return self.data.order(derive(self.config.budget.seed, self.epoch, 0))

    def _tell(self, happening: Happening) -> Generator[Happening, Message, bool]:
        """Yield, and obey the answer. True when told to stop."""
        message = yield happening
        if isinstance(message, Change):
            self._asked = message.config
            return (yield from self._put_in_force("now"))
        return isinstance(message, Stop)

    def _put_in_force(self, *acts: str) -> Generator[Happening, Message, bool]:
        """Take over the asked knobs that act at these moments, and say which. True when told to stop."""
        knobs = differing(self.config, self._asked, acts)
        if not knobs:
            return False
        self.config = self.config.changed(**{name: to for name, (_, to) in knobs.items()})
        optimisers.set_now(self.optimiser, penalised(self.config, self.epoch))
        self._follow_knobs()
        return (yield from self._tell(Changed(self.epoch + 1, self.step, knobs)))


def _means(evaluation: Evaluation, name: str) -> dict[str, float]:
    loss, accuracy = evaluation.means()
    return {f"{name}_loss": loss, f"{name}_accuracy": accuracy}


def group_batches(order: Tensor, batch_size: int, accumulation: int) -> list[list[Tensor]]:
    """An epoch's optimiser steps, each a list of batches of indices. A last batch of one image is left out."""
    batches = list(order.split(batch_size))
    if len(batches) > 1 and len(batches[-1]) < min(SMALLEST_BATCH, batch_size):
        batches.pop()
    return [batches[start : start + accumulation] for start in range(0, len(batches), accumulation)]


def differing(old: RunConfig, new: RunConfig, acts: tuple[str, ...]) -> dict[str, tuple[Any, Any]]:
    """`{knob: (from, to)}` of the knobs that act at one of these moments and are not the same."""
    before, after = old.flat(), new.flat()
    return {name: (before[name], after[name]) for name in before if KNOBS[name].acts in acts and before[name] != after[name]}
