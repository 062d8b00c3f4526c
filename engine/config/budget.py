"""Knobs of the budget: how long, when to give up, where, and with which luck."""

from typing import Literal

from engine.config.knob import Group, knob


class BudgetConfig(Group):
    """`early_stopping` is the number of epochs without a lower validation loss after which the run ends, `time_limit` the minutes
    of training after which it is stopped; 0 is never."""

    epochs: int = knob(20, acts="now", level="basic", low=1, high=10000, steps=(1, 2, 5, 10, 20, 30, 50, 100, 200), search=False)
    early_stopping: int = knob(0, acts="now", alters="nothing", unit="epochs", low=0, high=1000, steps=(0, 3, 5, 10, 20, 50), off=0)
    time_limit: float = knob(
        0.0, acts="now", alters="nothing", unit="minutes", low=0, high=100_000, steps=(0.0, 5.0, 60.0, 240.0), search=False, off=0.0
    )
    seed: int = knob(0, acts="fork", alters="nothing", scale="linear", low=0, high=2**31 - 1, search=False)
    precision: Literal["auto", "exact"] = knob("auto", acts="fork", search=False)
    device: Literal["auto", "cpu", "cuda"] = knob("auto", acts="fork", search=False)
