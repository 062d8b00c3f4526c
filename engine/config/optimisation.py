"""Knobs of the optimisation: what is minimised and how."""

from typing import Literal

from engine.config.knob import Group, knob

RATES = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0)
DECAYS = (0.0, 1e-5, 1e-4, 5e-4, 1e-3, 5e-3, 1e-2, 5e-2, 1e-1)
# Optimisers whose update torch has as one kernel.
FUSED = ("sgd", "adam", "adamw", "adagrad")
# Optimisers that are published with decoupled weight decay.
DECOUPLED = ("adamw", "adafactor")


class OptimisationConfig(Group):
    """The optimiser, its penalties and the batch.

    `decay_kind`: `decoupled` shrinks the weights beside the gradient step (Loshchilov & Hutter 2019), `l2` adds
    lambda/2 |w|^2 to the loss; the two differ under Adam. Both leave out biases and normalisation parameters unless `decay_all` is on.
    `clip` bounds the norm of the gradient, `ema` is the decay of the average of the weights, by the step; 0 is off.
    """

    optimizer: Literal["sgd", "adam", "adamw", "rmsprop", "adagrad", "radam", "nadam", "adafactor"] = knob("adam", acts="fork")
    learning_rate: float = knob(1e-3, acts="now", alters="nothing", level="basic", scale="log", low=1e-7, high=100.0, steps=RATES)
    momentum: float = knob(0.9, acts="now", low=0.0, high=0.999, steps=(0.0, 0.5, 0.8, 0.9, 0.95, 0.99))
    nesterov: Literal["off", "on"] = knob("off", acts="now", off="off")
    weight_decay: float = knob(0.0, acts="now", level="basic", scale="log", low=0.0, high=10.0, steps=DECAYS, off=0.0)
    decay_kind: Literal["decoupled", "l2"] = knob("decoupled", acts="fork")
    decay_all: Literal["off", "on"] = knob("off", acts="now", off="off")
    l1: float = knob(0.0, acts="now", scale="log", low=0.0, high=1.0, steps=(0.0, 1e-6, 1e-5, 1e-4, 1e-3), off=0.0)
    label_smoothing: float = knob(0.0, acts="now", alters="nothing", low=0.0, high=0.5, steps=(0.0, 0.05, 0.1, 0.2), off=0.0)
    clip: float = knob(0.0, acts="now", scale="log", low=0.0, high=1000.0, steps=(0.0, 0.1, 0.3, 1.0, 3.0, 10.0), off=0.0)
    ema: float = knob(0.0, acts="now", low=0.0, high=0.9999, steps=(0.0, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9999), off=0.0)
    batch_size: int = knob(
        64, acts="next epoch", level="basic", scale="log", unit="images", low=1, high=8192, steps=(8, 16, 32, 64, 128, 256, 512, 1024)
    )
    accumulation: int = knob(1, acts="next epoch", unit="batches", low=1, high=64, steps=(1, 2, 4, 8, 16), off=1)
