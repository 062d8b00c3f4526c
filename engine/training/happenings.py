"""What the loop says and what it can be told: frozen messages. Knows no loop.

`epoch` counts from 1 (the one in progress or just done), `step` counts the optimiser steps taken since the run began.
"""

from dataclasses import dataclass
from typing import Any, Literal

from engine.config.run import RunConfig
from engine.errors import AthanorError
from engine.training.evaluation import Evaluation
from engine.training.meter import Meter, Sums, Window
from engine.training.schedules import Plateau


@dataclass(frozen=True)
class State:
    """Where a run stands at a step boundary: all that a resume needs beside weights, optimiser and config in force.

    `epoch` counts completed epochs; `sums` and `seconds` are those of the epoch in progress. `best_epoch` (from 1; 0 is none
    yet) has the lowest validation loss, `plateau` is what the schedule of that name goes by.
    """

    epoch: int = 0
    step_in_epoch: int = 0
    step: int = 0
    best_loss: float | None = None
    best_epoch: int = 0
    sums: Sums = Sums()
    seconds: float = 0.0
    plateau: Plateau = Plateau()


BEGINNING = State()


@dataclass(frozen=True)
class StepDone:
    """An optimiser step was issued (on CUDA perhaps not yet computed) at this learning rate."""

    epoch: int
    step: int
    learning_rate: float
    meter: Meter

    def window(self) -> Window:
        """Online means since the last call; the one thing that waits for the device."""
        return self.meter.window()


@dataclass(frozen=True)
class EpochDone:
    """An epoch was trained and evaluated, on the validation part and on the probe. `nonfinite`: its online or
    validation loss is nan or infinite.

    `metrics`: train_loss, train_accuracy, probe_loss, probe_accuracy, val_loss, val_accuracy, learning_rate, grad_norm,
    epoch_seconds, images_per_second (the last two of the training part alone).
    """

    epoch: int
    step: int
    metrics: dict[str, float]
    validation: Evaluation
    probe: Evaluation
    nonfinite: bool
    best: bool


Computed = Literal["once", "augmentation", "inside", "size", "nothing"]


@dataclass(frozen=True)
class StageBegan:
    """From step `step + 1` on other layers learn than before, or what the frozen ones make is computed once no longer, or from now on.

    `number` of `stages` stages; the first `frozen` of `layers` layers do not learn. `computed`: the answer of the frozen ones is `once`, or
    why not: pictures that vary (`augmentation`), an end inside a block (`inside`), more than is kept (`size`), `nothing` frozen.
    """

    epoch: int
    step: int
    number: int
    stages: int
    frozen: int
    layers: int
    computed: Computed


@dataclass(frozen=True)
class FeaturesDone:
    """What the frozen layers make is computed of `done` pictures of `total`."""

    done: int
    total: int


@dataclass(frozen=True)
class Changed:
    """Knobs came into force before step `step + 1`: `{knob: (from, to)}`."""

    epoch: int
    step: int
    knobs: dict[str, tuple[Any, Any]]


@dataclass(frozen=True)
class Ended:
    """Why there is no further step; `epoch` counts completed epochs."""

    reason: Literal["finished", "early_stopping", "stopped"]
    epoch: int
    step: int


@dataclass(frozen=True)
class Change:
    """Told to the loop: go on with this config. Knobs that need a fork are left as they are."""

    config: RunConfig


@dataclass(frozen=True)
class Stop:
    """Told to the loop: take no further step."""


class Diverged(AthanorError):
    """The loss of an epoch is nan or infinite. `fields` has `epoch` and `step`."""

    def __init__(self, epoch: int, step: int) -> None:
        super().__init__("errors.diverged", epoch=epoch, step=step)


Happening = StepDone | EpochDone | StageBegan | FeaturesDone | Changed
Message = Change | Stop | None
