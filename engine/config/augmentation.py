"""Knobs of the augmentation: each has a strength, zero is off."""

from typing import Literal

from engine.catalog import AUGMENTATIONS
from engine.config.knob import Group, knob


class AugmentationConfig(Group):
    """How the training pictures are varied. The validation and test pictures never are.

    `flip_order`: `random` draws anew in every epoch; `alternating` mirrors each picture once in 1 / flip epochs, as evenly as can be, so
    that at one half it is seen either way by turns (Jordan 2024, "94% on CIFAR-10 in 3.29 seconds", section 3.4).
    """

    crop: float = knob(0.0, acts="next epoch", unit="share", low=0.0, high=0.5, steps=(0.0, 0.06, 0.125, 0.2, 0.3), off=0.0)
    flip: float = knob(0.0, acts="next epoch", unit="share", low=0.0, high=1.0, steps=(0.0, 0.25, 0.5), off=0.0)
    rotation: float = knob(0.0, acts="next epoch", unit="°", low=0.0, high=180.0, steps=(0.0, 5.0, 10.0, 20.0, 45.0), off=0.0)
    colour_jitter: float = knob(0.0, acts="next epoch", unit="share", low=0.0, high=1.0, steps=(0.0, 0.1, 0.2, 0.4, 0.8), off=0.0)
    flip_order: Literal["random", "alternating"] = knob("random", acts="next epoch")

    @property
    def varies(self) -> bool:
        """Whether a training picture looks different from epoch to epoch."""
        return any(getattr(self, name) for name in AUGMENTATIONS)
