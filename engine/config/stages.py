"""Knobs of the stage plan: which layers learn, when, and at what rate."""

from typing import Literal, NamedTuple

from engine.config.knob import Group, knob, read_knobs
from engine.config.optimisation import DECAYS, RATES
from engine.errors import BadKnob

EPOCHS = (1, 2, 3, 5, 10, 20, 50)


class StagesConfig(Group):
    """Layers are counted from the picture on, convolutions and fully connected ones; a norm belongs to the layer before it.

    `plan`: all layers learn from the first epoch on, or the `last_layers` last ones alone, or those for `stage1_epochs` epochs with a
    rate, a weight decay and a schedule of their own, then all. The first `frozen_layers` never learn. `first_layer_rate` is the share of
    the learning rate at which the first layer that learns does so; from there to the last, which has all of it, it grows by equal factors
    (after Howard & Ruder 2018, section 3.2). `frozen_norm` keeps batch norm as it came with the weights.
    """

    plan: Literal["all", "last", "last_then_all"] = knob("all", acts="fork", off="all")
    last_layers: int = knob(1, acts="fork", unit="layers", low=1, high=1000, steps=(1, 2, 3, 5, 10))
    stage1_epochs: int = knob(5, acts="fork", unit="epochs", low=1, high=10000, steps=EPOCHS)
    stage1_rate: float = knob(1e-2, acts="now", scale="log", low=1e-7, high=100.0, steps=RATES)
    stage1_weight_decay: float = knob(0.0, acts="now", scale="log", low=0.0, high=10.0, steps=DECAYS, off=0.0)
    stage1_schedule: Literal["constant", "step", "multistep", "exponential", "cosine", "one_cycle"] = knob("constant", acts="fork")
    frozen_layers: int = knob(0, acts="fork", unit="layers", low=0, high=1000, steps=(0, 1, 2, 5, 10, 20, 50), off=0)
    first_layer_rate: float = knob(1.0, acts="fork", scale="log", low=1e-4, high=1.0, steps=(0.001, 0.01, 0.03, 0.1, 0.3, 1.0), off=1.0)
    frozen_norm: Literal["off", "on"] = knob("off", acts="fork", off="off")

    @property
    def freezes(self) -> bool:
        """Whether some layer does not learn in some epoch."""
        return self.plan != "all" or self.frozen_layers > 0

    @property
    def freezes_for_good(self) -> bool:
        """Whether some layer never learns."""
        return self.plan == "last" or self.frozen_layers > 0

    @property
    def first_stage(self) -> int:
        """Epochs before all layers learn, where that comes; else 0."""
        return self.stage1_epochs if self.plan == "last_then_all" else 0


_KNOBS = read_knobs({"stages": StagesConfig})


class Stage(NamedTuple):
    """A part of a run: its number from 1, the epochs before it and in it, and whether only the last layers learn."""

    number: int
    begins: int
    epochs: int
    last_only: bool


def stage_at(stages: StagesConfig, epochs: int, epoch: int) -> Stage:
    """The stage in which a run of so many epochs is once `epoch` of them are done."""
    first = stages.first_stage
    if epoch < first:
        return Stage(1, 0, first, last_only=True)
    return Stage(1 + bool(first), first, epochs - first, last_only=stages.plan == "last")


def require_layers(stages: StagesConfig, layers: int) -> None:
    """Raises BadKnob when a network of so many layers has not those that the plan names."""
    most = {"frozen_layers": layers - 1} | ({} if stages.plan == "all" else {"last_layers": layers})
    for name, allowed in most.items():
        value, least = getattr(stages, name), _KNOBS[name].low or 0
        if value > allowed:
            raise BadKnob("errors.no_such_layer", knob=name, value=value, allowed=f"{least:g} .. {allowed}", layers=layers)
