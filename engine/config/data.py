"""Knobs of the data: which pictures, how many, how large."""

from typing import Literal

from engine.config.knob import Group, knob

# Knobs that decide which pictures stand in the validation part, or what is asked about them.
SPLIT_KNOBS = ("dataset", "validation_share", "twins")
RESOLUTIONS = (8, 16, 24, 28, 32, 48, 64, 96, 128, 160, 192, 224, 336, 448)


class DataConfig(Group):
    """What is shown to the network and what is held back. `dataset` is a catalog name or a class-per-folder tree.

    `twins` says which pictures stay on one side of the split: those equal pixel for pixel, or near ones too. No official test part is
    changed by it.
    """

    dataset: str = knob("digits", acts="fork", level="basic", scale="text", search=False)
    train_share: float = knob(1.0, acts="fork", unit="share", level="basic", low=0.01, high=1.0, steps=(0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0))
    validation_share: float = knob(0.2, acts="fork", unit="share", low=0.05, high=0.5, steps=(0.05, 0.1, 0.15, 0.2, 0.3, 0.5), search=False)
    twins: Literal["exact", "near"] = knob("exact", acts="fork", search=False)
    resolution: int = knob(32, acts="fork", level="basic", unit="px", low=8, high=448, steps=RESOLUTIONS)
    resize: Literal["squash", "crop", "pad"] = knob("squash", acts="fork")
