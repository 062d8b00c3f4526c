"""What exists: architectures, datasets and augmentations by name, with the facts a form needs. Imports no torch.

An entry here plus its builder (`engine/models`, `engine/data`, `engine/data/augment.py`) is all it takes to add one;
the contract tests walk these tables.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Architecture:
    """An architecture's facts. `smallest` is the least resolution in pixels that leaves one pixel before the head.

    `precision` is the fastest on a CPU with instructions for bf16 (`python -m tests.benchmarks.numerics` measures it): `fp32`, `bf16`,
    or `bf16_dense`, in which depthwise convolutions stay in fp32. `replicas` says that a step's operations are too short to be shared
    by the CPU's threads, so each thread computes a part of the batch (see `engine/training/replicas.py`); batch norm would not be the
    same.
    """

    label: str
    family: str
    smallest: int
    batch_norm: bool = True
    replicas: bool = False
    precision: Literal["fp32", "bf16", "bf16_dense"] = "bf16"


@dataclass(frozen=True)
class DatasetFacts:
    """A known dataset's facts. `mirror` says whether a mirrored picture still belongs to its class."""

    label: str
    classes: int
    channels: int
    size: int
    mirror: bool


@dataclass(frozen=True)
class Augmentation:
    """One augmentation, switched by the knob of the same name. `mirrors` marks the one that `mirror=False` data must avoid."""

    levels: dict[str, float]
    mirrors: bool = False


LEVELS = ("off", "light", "medium", "strong")


def _vgg(depth: int, norm: bool) -> Architecture:
    return Architecture(f"VGG-{depth}{', batch norm' if norm else ''}", "vgg", smallest=32, batch_norm=norm)


ARCHITECTURES: dict[str, Architecture] = {
    "lenet": Architecture("LeNet", "lenet", smallest=16, batch_norm=False, replicas=True),
    **{f"vgg{depth}": _vgg(depth, norm=False) for depth in (11, 13, 16, 19)},
    **{f"vgg{depth}_bn": _vgg(depth, norm=True) for depth in (11, 13, 16, 19)},
    "resnet18": Architecture("ResNet-18", "resnet", smallest=8),
    "resnet34": Architecture("ResNet-34", "resnet", smallest=8),
    "mobilenet_v2": Architecture("MobileNetV2", "mobilenet", smallest=8, precision="bf16_dense"),
    "speedrun": Architecture("Speedrun net", "speedrun", smallest=9),
}

DATASETS: dict[str, DatasetFacts] = {
    "digits": DatasetFacts("Digits", classes=10, channels=1, size=8, mirror=False),
    "plumage": DatasetFacts("Plumage", classes=12, channels=3, size=64, mirror=True),
    "fashion_mnist": DatasetFacts("Fashion-MNIST", classes=10, channels=1, size=28, mirror=True),
    "cifar10": DatasetFacts("CIFAR-10", classes=10, channels=3, size=32, mirror=True),
}

AUGMENTATIONS: dict[str, Augmentation] = {
    "crop": Augmentation({"off": 0.0, "light": 0.06, "medium": 0.125, "strong": 0.2}),
    "flip": Augmentation({"off": 0.0, "light": 0.5, "medium": 0.5, "strong": 0.5}, mirrors=True),
    "rotation": Augmentation({"off": 0.0, "light": 5.0, "medium": 10.0, "strong": 20.0}),
    "colour_jitter": Augmentation({"off": 0.0, "light": 0.1, "medium": 0.2, "strong": 0.4}),
}


def strengths(level: str, dataset: str) -> dict[str, float]:
    """The knob values that `off`, `light`, `medium` or `strong` stands for on this data."""
    facts = DATASETS.get(dataset)
    mirror = facts is None or facts.mirror
    return {name: 0.0 if entry.mirrors and not mirror else entry.levels[level] for name, entry in AUGMENTATIONS.items()}


def level_of(values: dict[str, float], dataset: str) -> str:
    """The level these strengths stand for, or `custom`."""
    return next((level for level in LEVELS if strengths(level, dataset) == values), "custom")
