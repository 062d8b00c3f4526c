"""What decides how pictures look before any network sees them: the knobs of data and augmentation, and the seed.

Unlike a RunConfig it asks for no network, so pictures can be looked at that the chosen network could not take.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from engine.config.augmentation import AugmentationConfig
from engine.config.data import DataConfig
from engine.config.run import KNOBS, RunConfig, read_value

SEED = "seed"
GROUPS = ("data", "augmentation")
LOOKS = (*(name for name, knob in KNOBS.items() if knob.group in GROUPS), SEED)


@dataclass(frozen=True)
class Look:
    """A dataset, its split, its augmentation and the seed of the draws."""

    data: DataConfig
    augmentation: AugmentationConfig
    seed: int

    @classmethod
    def from_flat(cls, values: Mapping[str, Any]) -> Self:
        """Build from `{knob: value}` as RunConfig does; knobs that change no picture are left aside. Raises BadKnob."""
        unknown = {name: value for name, value in values.items() if name not in KNOBS}
        if unknown:
            RunConfig.from_flat(unknown)
        flat = {name: read_value(name, values[name]) for name in LOOKS if name in values}
        groups = [{name: value for name, value in flat.items() if KNOBS[name].group == group} for group in GROUPS]
        return cls(DataConfig(**groups[0]), AugmentationConfig(**groups[1]), flat.get(SEED, KNOBS[SEED].default))

    def flat(self) -> dict[str, Any]:
        """`{knob: value}` of every knob that matters here."""
        return {**self.data.model_dump(), **self.augmentation.model_dump(), SEED: self.seed}
