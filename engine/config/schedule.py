"""Knobs of the learning-rate schedule."""

from typing import Literal

from engine.config.knob import Group, knob


class ScheduleConfig(Group):
    """How the rate moves over the run. `multistep` divides it by ten at one half and at three quarters of the epochs."""

    schedule: Literal["constant", "multistep", "cosine", "one_cycle"] = knob("constant", acts="fork")
    warmup: float = knob(0.0, acts="fork", unit="epochs", low=0.0, high=50.0, steps=(0.0, 0.5, 1.0, 2.0, 5.0), off=0.0)
