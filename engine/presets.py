"""Recipes to begin with, known to go well and known to go wrong: a name -> the knobs that differ from the defaults.

Each says in the catalogue what it shows (`presets.<name>.label`, `.why`). What `shows` claims is measured by a test that trains them.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from engine.config import RunConfig


@dataclass(frozen=True)
class Preset:
    """`shows` is the verdict with which the recipe is known to end; one of few epochs ends too early for any. None: its data must be
    downloaded first, so no test has trained it."""

    shows: (
        Literal["too_early", "healthy", "overfitting", "generalisation_gap", "plateau", "underfitting", "not_learning", "diverged"] | None
    )
    knobs: dict[str, Any] = field(default_factory=dict)

    def config(self) -> RunConfig:
        """The whole config."""
        return RunConfig.from_flat(self.knobs)


# Three lanes from ImageNet's weights, with 23 pictures a class. After a bilinear CNN on photographs of birds: momentum 0.9; the last layer
# without weight decay, at a rate that drops to a quarter; then all at 0.001 with weight decay 5e-4 in the loss. There the last layer began
# at 0.1, behind features of length 1; behind the usual pooling that is ten times too high.
FEW: dict[str, Any] = {
    "resolution": 64,
    "train_share": 0.2,
    "architecture": "efficientnet_lite0",
    "weights": "imagenet",
    "optimizer": "sgd",
    "batch_size": 32,
    "epochs": 30,
}
RELEASED: dict[str, Any] = {"learning_rate": 0.001, "weight_decay": 5e-4, "decay_kind": "l2", "frozen_norm": "on"}

PRESETS: dict[str, Preset] = {
    "first_steps": Preset("healthy"),
    "well_tuned": Preset(
        "healthy",
        {
            "augmentation": "light", "dropout": 0.3, "weight_decay": 1e-2, "optimizer": "adamw", "learning_rate": 3e-3,
            "schedule": "one_cycle", "epochs": 30,
        },
    ),
    "residual": Preset(
        "healthy",
        {
            "architecture": "resnet18", "width": 0.25, "resolution": 16, "dropout": 0.0, "learning_rate": 3e-3, "schedule": "one_cycle",
            "epochs": 10,
        },
    ),
    "sprint_90": Preset(
        "too_early",
        {
            "dataset": "fashion_mnist", "resolution": 28, "validation_share": 0.1, "width": 2.0, "dropout": 0.0, "optimizer": "adamw",
            "learning_rate": 8e-3, "weight_decay": 1e-2, "schedule": "one_cycle", "batch_size": 128, "epochs": 3,
        },
    ),
    "sprint_92": Preset(
        "too_early",
        {
            "dataset": "fashion_mnist", "architecture": "vgg11_bn", "width": 0.25, "validation_share": 0.1, "dropout": 0.0, "flip": 0.5,
            "optimizer": "adamw", "learning_rate": 4e-3, "weight_decay": 1e-2, "label_smoothing": 0.1, "schedule": "one_cycle",
            "batch_size": 128, "epochs": 3,
        },
    ),
    "cifar_sprint": Preset(
        None,
        {
            "dataset": "cifar10", "architecture": "speedrun", "validation_share": 0.1, "crop": 0.06, "flip": 0.5,
            "flip_order": "alternating", "dropout": 0.0, "optimizer": "sgd", "learning_rate": 1.5, "momentum": 0.85, "weight_decay": 2e-3,
            "decay_kind": "l2", "label_smoothing": 0.2, "schedule": "one_cycle", "batch_size": 1024, "epochs": 10,
        },
    ),
    "last_only": Preset(
        "generalisation_gap", FEW | {"plan": "last", "learning_rate": 0.01, "schedule": "step", "step_epochs": 10, "step_factor": 0.25},
    ),
    "last_then_all": Preset(
        "plateau",
        FEW | RELEASED | {
            "plan": "last_then_all", "stage1_epochs": 10, "stage1_rate": 0.01, "stage1_schedule": "step", "step_epochs": 4,
            "step_factor": 0.25, "warmup": 3.0, "epochs": 50,
        },
    ),
    "all_at_once": Preset("plateau", FEW | RELEASED | {"epochs": 40}),
    "memorises": Preset("overfitting", {"train_share": 0.05, "dropout": 0.0, "epochs": 100, "learning_rate": 3e-3}),
    "too_fast": Preset("diverged", {"optimizer": "sgd", "learning_rate": 3.0, "weight_decay": 1.0, "epochs": 20}),
    "too_slow": Preset("not_learning", {"optimizer": "sgd", "learning_rate": 1e-5, "epochs": 20}),
    "too_strict": Preset("underfitting", {"dropout": 0.5, "weight_decay": 10.0, "epochs": 40}),
}  # fmt: skip
