"""The learning rate at any step, as a pure function of the config. Knows no optimiser and keeps no state.

So a change of the knobs, a resume and a fork need nothing but the step.
"""

import math
from collections.abc import Callable

from engine.config.run import RunConfig

# One-cycle (Smith 2018, arXiv:1803.09820), with the numbers of torch's OneCycleLR.
RISE = 0.3
START_DIVISOR = 25.0
END_DIVISOR = 1e4


def rate(config: RunConfig, step: int, steps_per_epoch: int) -> float:
    """Learning rate of optimiser step `step`, counted from 0 as if every epoch had `steps_per_epoch`.

    Warm-up rises linearly to the peak and takes its time from the front of the schedule; `one_cycle` has its own.
    """
    peak = config.optimisation.learning_rate
    total = config.budget.epochs * steps_per_epoch
    if config.schedule.schedule == "one_cycle":
        return peak * one_cycle(step, total)
    warm = round(config.schedule.warmup * steps_per_epoch)
    if step < warm:
        return peak * (step + 1) / warm
    return peak * SCHEDULES[config.schedule.schedule](step, warm, total)


def constant(step: int, warm: int, total: int) -> float:
    return 1.0


def multistep(step: int, warm: int, total: int) -> float:
    """Divided by ten at one half and again at three quarters of all steps (He et al. 2016, CIFAR-10)."""
    return 0.1 ** ((2 * step >= total) + (4 * step >= 3 * total))


def cosine(step: int, warm: int, total: int) -> float:
    """From 1 after the warm-up to 0 at the end (Loshchilov & Hutter 2017, eq. 5, without restarts)."""
    return _fall(1.0, 0.0, (step - warm) / max(total - warm, 1))


def one_cycle(step: int, total: int) -> float:
    """From 1/25 up to 1 over 30 % of the steps, then down to 1/250,000, both by cosine."""
    top = max(RISE * total - 1, 0)
    if step < top:
        return _fall(1 / START_DIVISOR, 1.0, step / top)
    return _fall(1.0, 1 / START_DIVISOR / END_DIVISOR, (step - top) / max(total - 1 - top, 1))


def _fall(start: float, end: float, share: float) -> float:
    """Half a cosine from `start` to `end`; stays at the end when a shortened run is past it."""
    return end + (start - end) * (1 + math.cos(math.pi * min(share, 1.0))) / 2


SCHEDULES: dict[str, Callable[[int, int, int], float]] = {"constant": constant, "multistep": multistep, "cosine": cosine}
