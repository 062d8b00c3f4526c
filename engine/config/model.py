"""Knobs of the network."""

from engine.catalog import ARCHITECTURES
from engine.config.knob import Group, knob


class ModelConfig(Group):
    """Which network. `width` multiplies the channels of every layer but the last."""

    architecture: str = knob("lenet", acts="fork", level="basic", scale="choice", choices=tuple(ARCHITECTURES))
    width: float = knob(1.0, acts="fork", low=0.125, high=4.0, steps=(0.125, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0))
    dropout: float = knob(0.2, acts="now", level="basic", low=0.0, high=0.9, steps=(0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7), off=0.0)
