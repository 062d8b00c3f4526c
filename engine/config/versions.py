"""How the config of an older Athanor becomes one of today, with every knob. The stored config never changes."""

from collections.abc import Callable, Mapping
from typing import Any

Config = dict[str, Any]

NEW_IN_4: dict[str, Config] = {
    "model": {
        "stochastic_depth": 0.0, "norm_momentum": 0.0, "kernel": 3, "layers_less": 0, "convolution": "full", "hidden": 0,
        "squeeze_excitation": "off", "initialisation": "default", "pooling": "usual", "pooling_size": 8192, "weights": "none",
    },
    "optimisation": {"nesterov": "off", "decay_all": "off", "clip": 0.0, "ema": 0.0},
    "schedule": {"milestones": "50%, 75%", "step_epochs": 10, "step_factor": 0.1, "end_factor": 0.01, "plateau_patience": 5},
    "stages": {
        "plan": "all", "last_layers": 1, "stage1_epochs": 5, "stage1_rate": 1e-2, "stage1_weight_decay": 0.0, "stage1_schedule": "constant",
        "frozen_layers": 0, "first_layer_rate": 1.0, "frozen_norm": "off",
    },
}  # fmt: skip


def to_2(config: Mapping[str, Any]) -> Config:
    """`time_limit`: there was none."""
    return {**config, "budget": {"time_limit": 0.0, **config.get("budget", {})}}


def to_3(config: Mapping[str, Any]) -> Config:
    """`twins`: only exact ones were known."""
    return {**config, "data": {"twins": "exact", **config.get("data", {})}}


def to_4(config: Mapping[str, Any]) -> Config:
    """What was added to the model, the optimisation and the schedule, and the stages: all of it off, or without effect."""
    return {**config, **{group: {**knobs, **config.get(group, {})} for group, knobs in NEW_IN_4.items()}}


UPCASTERS: dict[int, Callable[[Mapping[str, Any]], Config]] = {1: to_2, 2: to_3, 3: to_4}


def current(config: Mapping[str, Any], version: int) -> Config:
    """The config in today's words; one of a newer version stays as it is."""
    now = dict(config)
    while version in UPCASTERS:
        now, version = UPCASTERS[version](now), version + 1
    return now
