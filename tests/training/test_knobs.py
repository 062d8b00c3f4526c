"""Every knob of network, optimiser and schedule has an effect."""

from functools import cache
from typing import Any

import pytest

from engine.config import KNOBS
from tests.config.test_config import another
from tests.training.short_runs import begin, digits, epochs, follow, misled, settings

GROUPS = ("model", "optimisation", "schedule", "stages")
RESNET = {"architecture": "resnet18", "width": 0.125}
VGG = {"architecture": "vgg11_bn", "width": 0.125, "resolution": 32}
TWO = {"plan": "last_then_all", "stage1_epochs": 2}
# Beside what no run has of its own.
OF_THE_STORE = ("weights",)
# What a knob acts upon, where that is not on by itself.
BESIDE: dict[str, dict[str, Any]] = {
    "momentum": {"optimizer": "sgd"},
    "nesterov": {"optimizer": "sgd"},
    "decay_kind": {"weight_decay": 0.5},
    "decay_all": {"weight_decay": 0.5},
    "stochastic_depth": RESNET,
    "norm_momentum": RESNET,
    **dict.fromkeys(("kernel", "layers_less", "convolution", "squeeze_excitation"), VGG),
    "pooling_size": {"pooling": "compact_bilinear"},
    "step_epochs": {"schedule": "step", "step_epochs": 2},
    "step_factor": {"schedule": "step", "step_epochs": 1},
    "end_factor": {"schedule": "exponential"},
    "last_layers": {"plan": "last"},
    "stage1_epochs": TWO,
    "stage1_rate": TWO,
    "stage1_weight_decay": TWO,
    "stage1_schedule": TWO,
    "milestones": {"schedule": "multistep"},
    "frozen_norm": RESNET | {"weights": "run:1"},
    "plateau_patience": {"schedule": "reduce_on_plateau", "plateau_patience": 1, "epochs": 6},
}
# Another value than the default, where the last on its slider would not do in a few epochs.
OTHER = {
    "learning_rate": 1e-2, "plan": "last", "stage1_epochs": 1, "frozen_layers": 2, "last_layers": 3, "clip": 0.01, "schedule": "cosine",
    "step_epochs": 1, "plateau_patience": 0, "width": 0.25,
}  # fmt: skip


@cache
def told(**knobs: Any) -> list[dict[str, float]]:
    """What the epochs of a run measure, whose validation loss soon rises."""
    timed = {"epoch_seconds", "images_per_second"}
    happened, _ = follow(begin(settings(**{"epochs": 3, "learning_rate": 5e-3, **knobs}), misled(digits(knobs.get("resolution", 16)))))
    return [{name: value for name, value in done.metrics.items() if name not in timed} for done in epochs(happened)]


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, knob in KNOBS.items() if knob.group in GROUPS and name not in OF_THE_STORE])
def test_another_value_gives_other_numbers(name: str) -> None:
    beside = BESIDE.get(name, {})
    changed = {name: OTHER.get(name, another(KNOBS[name]))}
    assert told(**beside) != told(**(beside | changed))
