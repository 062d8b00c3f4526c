"""From a model config to a network. Knows every architecture's builder, and neither data nor training.

Initialisation draws from torch's global generator: seed it first.
"""

from collections.abc import Callable
from functools import partial

from torch import nn

from engine.config.model import ModelConfig
from engine.models.lenet import lenet
from engine.models.mobilenet import mobilenet_v2
from engine.models.resnet import resnet
from engine.models.speedrun import speedrun
from engine.models.vgg import vgg

Builder = Callable[[ModelConfig, int, int, int], nn.Module]


def build(config: ModelConfig, channels: int, classes: int, resolution: int) -> nn.Module:
    """The network of `config`, on the CPU, in fp32: pictures (N, channels, resolution, resolution) -> logits (N, classes)."""
    return BUILDERS[config.architecture](config, channels, classes, resolution)


BUILDERS: dict[str, Builder] = {
    "lenet": lenet,
    **{f"vgg{depth}": partial(vgg, depth, False) for depth in (11, 13, 16, 19)},
    **{f"vgg{depth}_bn": partial(vgg, depth, True) for depth in (11, 13, 16, 19)},
    "resnet18": partial(resnet, 18),
    "resnet34": partial(resnet, 34),
    "mobilenet_v2": mobilenet_v2,
    "speedrun": speedrun,
}
