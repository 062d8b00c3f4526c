"""What exists: architectures, datasets and augmentations by name, with the facts a form needs. Imports no torch.

An entry here plus its builder (`engine/models`, `engine/data`, `engine/data/augment.py`) is all it takes to add one;
the contract tests walk these tables.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Architecture:
    """An architecture's facts. `smallest` is the least resolution in pixels that leaves one pixel before the head.

    `precision` is the fastest on a CPU with instructions for bf16 (`python -m tests.benchmarks.numerics` measures it): `fp32`, `bf16`, or
    `bf16_dense`, in which depthwise convolutions stay in fp32; `channels_last` is the faster layout there. `replicas` says that a step's
    operations are too short to be shared by the CPU's threads, so each thread computes a part of the batch (see
    `engine/training/replicas.py`); batch norm would not be the same. `layers` are its convolutions and fully connected ones. `variants` are
    the knobs of the model that it obeys beside those that all do. `map_channels` are those of the last map at width 1, which bilinear
    pooling takes products of; 0: there is no such map. `imagenet` says that published weights exist: `engine/models/published.py` knows
    where.
    """

    label: str
    family: str
    smallest: int
    layers: int
    batch_norm: bool = True
    replicas: bool = False
    precision: Literal["fp32", "bf16", "bf16_dense"] = "bf16"
    channels_last: bool = True
    variants: tuple[str, ...] = ()
    map_channels: int = 0
    imagenet: bool = False

    def obeys(self, knob: str) -> bool:
        """Whether it has what a knob of this name changes."""
        return self.batch_norm if knob in OF_BATCH_NORM else knob in self.variants or knob not in VARIANTS


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

OF_VGG = ("kernel", "layers_less", "convolution", "hidden", "squeeze_excitation")
OF_RESNET = ("layers_less", "squeeze_excitation", "stochastic_depth")
# Of networks that are fixed but for their residual blocks.
OF_BLOCKS = ("stochastic_depth",)


def _vgg(depth: int, norm: bool) -> Architecture:
    label = f"VGG-{depth}{', batch norm' if norm else ''}"
    return Architecture(label, "vgg", 32, layers=depth, batch_norm=norm, variants=OF_VGG, map_channels=512, imagenet=True)


def _resnet(depth: int, layers: int, map_channels: int) -> Architecture:
    return Architecture(f"ResNet-{depth}", "resnet", 8, layers, variants=OF_RESNET, map_channels=map_channels, imagenet=True)


def _published(
    label: str, family: str, layers: int, map_channels: int, variants: tuple[str, ...] = OF_BLOCKS, batch_norm: bool = True
) -> Architecture:
    """One with depthwise convolutions, whose weights are published."""
    return Architecture(
        label, family, 8, layers, batch_norm, precision="bf16_dense", variants=variants, map_channels=map_channels, imagenet=True
    )


ARCHITECTURES: dict[str, Architecture] = {
    "lenet": Architecture("LeNet", "lenet", 16, layers=5, batch_norm=False, replicas=True, variants=("hidden",), map_channels=16),
    **{f"vgg{depth}": _vgg(depth, norm=False) for depth in (11, 13, 16, 19)},
    **{f"vgg{depth}_bn": _vgg(depth, norm=True) for depth in (11, 13, 16, 19)},
    **{f"resnet{depth}": _resnet(depth, layers, channels) for depth, layers, channels in ((18, 21, 512), (34, 37, 512), (50, 54, 2048))},
    "densenet121": Architecture("DenseNet-121", "densenet", 8, layers=121, map_channels=1024, imagenet=True),
    "mobilenet_v2": _published("MobileNetV2", "mobilenet_v2", 53, 1280),
    "mobilenet_v3_small": _published("MobileNetV3-small", "mobilenet_v3", 54, 576, ("hidden", *OF_BLOCKS)),
    "mobilenet_v3_large": _published("MobileNetV3-large", "mobilenet_v3", 64, 960, ("hidden", *OF_BLOCKS)),
    "shufflenet_v2": _published("ShuffleNetV2", "shufflenet", 57, 1024, ()),
    "efficientnet_b0": _published("EfficientNet-B0", "efficientnet", 82, 1280),
    "efficientnet_lite0": _published("EfficientNet-Lite0", "efficientnet_lite", 50, 1280),
    "convnext_tiny": _published("ConvNeXt-tiny", "convnext", 59, 768, batch_norm=False),
    "speedrun": Architecture("Speedrun net", "speedrun", 9, layers=7, map_channels=256),
}

# The knobs of the model that only some obey.
VARIANTS = tuple(dict.fromkeys(name for entry in ARCHITECTURES.values() for name in entry.variants))
# Those of networks with batch norm.
OF_BATCH_NORM = ("norm_momentum", "frozen_norm")

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


def having(knob: str) -> list[str]:
    """The networks that obey one of the VARIANTS, by the first word of their labels."""
    return list(dict.fromkeys(entry.label.partition("-")[0] for entry in ARCHITECTURES.values() if knob in entry.variants))


def strengths(level: str, dataset: str) -> dict[str, float]:
    """The knob values that `off`, `light`, `medium` or `strong` stands for on this data."""
    facts = DATASETS.get(dataset)
    mirror = facts is None or facts.mirror
    return {name: 0.0 if entry.mirrors and not mirror else entry.levels[level] for name, entry in AUGMENTATIONS.items()}


def level_of(values: dict[str, float], dataset: str) -> str:
    """The level these strengths stand for, or `custom`."""
    return next((level for level in LEVELS if strengths(level, dataset) == values), "custom")
