"""The learning rate at any step, as a pure function of the config and the drops so far. Knows no optimiser and keeps no state.

So a change of the knobs, a resume and a fork need nothing but the step, and of `reduce_on_plateau` what `Plateau` holds, which follows from
the validation losses and stands in the state of the run.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from engine.config.run import RunConfig
from engine.config.schedule import ScheduleConfig
from engine.config.stages import stage_at

# One-cycle (Smith 2018, arXiv:1803.09820), with the numbers of torch's OneCycleLR.
RISE = 0.3
START_DIVISOR = 25.0
END_DIVISOR = 1e4
# Share of the loss by which a lower one counts, as in torch's ReduceLROnPlateau.
LEAST = 1e-4


class Moment(NamedTuple):
    """Where in the run a step stands: its number from 0, the steps of the warm-up, the run and an epoch; drops on plateaus so far."""

    step: int
    warm: int
    total: int
    per_epoch: int
    drops: int

    @property
    def share(self) -> float:
        """Of what comes after the warm-up, from 0 to 1; stays at the end when a shortened run is past it."""
        return min((self.step - self.warm) / max(self.total - self.warm, 1), 1.0)


@dataclass(frozen=True)
class Plateau:
    """What `reduce_on_plateau` remembers: the lowest validation loss, the epochs that it has waited for a lower one, its drops so far."""

    best: float | None = None
    waited: int = 0
    drops: int = 0

    def after(self, loss: float, patience: int) -> "Plateau":
        """An epoch later: when more than `patience` epochs were no better, the rate drops and the waiting begins anew."""
        if self.best is None or loss < self.best * (1 - LEAST):
            return Plateau(loss, 0, self.drops)
        if self.waited < patience:
            return Plateau(self.best, self.waited + 1, self.drops)
        return Plateau(self.best, 0, self.drops + 1)


def watched(before: Plateau, config: RunConfig, epoch: int, loss: float) -> Plateau:
    """What is known of plateaus once epoch `epoch` (from 1) has this validation loss. Within the warm-up none is looked for."""
    quiet = config.stages.first_stage + config.schedule.warmup
    if config.schedule.schedule != "reduce_on_plateau" or epoch <= quiet:
        return before
    return before.after(loss, config.schedule.plateau_patience)


def rate(config: RunConfig, step: int, steps_per_epoch: int, drops: int = 0) -> float:
    """Learning rate of optimiser step `step`, counted from 0 as if every epoch had `steps_per_epoch`, after so many drops on plateaus.

    Warm-up rises linearly to the peak and takes its time from the front of the schedule; `one_cycle` has its own. Of a plan of two
    stages each has its schedule from its beginning to its end; the first has no warm-up.
    """
    stage = stage_at(config.stages, config.budget.epochs, step // steps_per_epoch)
    step, total = step - stage.begins * steps_per_epoch, stage.epochs * steps_per_epoch
    if stage.begins < config.stages.first_stage:
        first = Moment(step, 0, total, steps_per_epoch, 0)
        return _at(config.stages.stage1_rate, config.stages.stage1_schedule, first, config.schedule)
    warm = round(config.schedule.warmup * steps_per_epoch)
    now = Moment(step, warm, total, steps_per_epoch, drops)
    return _at(config.optimisation.learning_rate, config.schedule.schedule, now, config.schedule)


def _at(peak: float, schedule: str, now: Moment, knobs: ScheduleConfig) -> float:
    if schedule == "one_cycle":
        return peak * one_cycle(now.step, now.total)
    if now.step < now.warm:
        return peak * (now.step + 1) / now.warm
    return peak * SCHEDULES[schedule](now, knobs)


def constant(now: Moment, knobs: ScheduleConfig) -> float:
    return 1.0


def stepwise(now: Moment, knobs: ScheduleConfig) -> float:
    """A drop after every `step_epochs` epochs, counted from the first."""
    return knobs.step_factor ** (now.step // (knobs.step_epochs * now.per_epoch))


def multistep(now: Moment, knobs: ScheduleConfig) -> float:
    """A drop at each milestone; at one half and three quarters it is the schedule of He et al. 2016 for CIFAR-10."""
    places = knobs.milestones_in(now.total // now.per_epoch)
    return knobs.step_factor ** sum(now.step >= round(place * now.per_epoch, 6) for place in places)


def reduce_on_plateau(now: Moment, knobs: ScheduleConfig) -> float:
    """As many drops as there were plateaus."""
    return knobs.step_factor**now.drops


def exponential(now: Moment, knobs: ScheduleConfig) -> float:
    """From 1 after the warm-up to `end_factor` at the end, by the same share in every step."""
    return knobs.end_factor**now.share


def cosine(now: Moment, knobs: ScheduleConfig) -> float:
    """From 1 after the warm-up to 0 at the end (Loshchilov & Hutter 2017, eq. 5, without restarts)."""
    return _fall(1.0, 0.0, now.share)


def one_cycle(step: int, total: int) -> float:
    """From 1/25 up to 1 over 30 % of the steps, then down to 1/250,000, both by cosine."""
    top = max(RISE * total - 1, 0)
    if step < top:
        return _fall(1 / START_DIVISOR, 1.0, step / top)
    return _fall(1.0, 1 / START_DIVISOR / END_DIVISOR, min((step - top) / max(total - 1 - top, 1), 1.0))


def _fall(start: float, end: float, share: float) -> float:
    """Half a cosine from `start` to `end`."""
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


SCHEDULES: dict[str, Callable[[Moment, ScheduleConfig], float]] = {
    "constant": constant,
    "step": stepwise,
    "multistep": multistep,
    "exponential": exponential,
    "cosine": cosine,
    "reduce_on_plateau": reduce_on_plateau,
}
