"""From a model config to a network. Knows every architecture's builder, and neither data nor training.

Initialisation draws from torch's global generator: seed it first.
"""

from collections.abc import Callable
from functools import partial

from torch import nn

from engine.config.model import ModelConfig
from engine.models.backbone import Pooled, map_shape
from engine.models.convnext import convnext_tiny
from engine.models.densenet import densenet121
from engine.models.efficientnet import efficientnet_b0
from engine.models.efficientnet_lite import efficientnet_lite0
from engine.models.initialisation import initialise
from engine.models.lenet import lenet
from engine.models.mobilenet import mobilenet_v2
from engine.models.mobilenet_v3 import mobilenet_v3
from engine.models.resnet import resnet
from engine.models.shufflenet import shufflenet_v2
from engine.models.speedrun import speedrun
from engine.models.stochastic_depth import spread
from engine.models.vgg import vgg

Builder = Callable[[ModelConfig, int, int, int], nn.Module]


def build(config: ModelConfig, channels: int, classes: int, resolution: int) -> nn.Module:
    """The network of `config`, on the CPU, in fp32: pictures (N, channels, resolution, resolution) -> logits (N, classes)."""
    model = BUILDERS[config.architecture](config, channels, classes, resolution)
    if config.pooling != "usual":
        model = Pooled(model, config, map_shape(model, channels, resolution), classes)
    initialise(model, config.initialisation)
    spread(model, config.stochastic_depth)
    if config.norm_momentum:
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = config.norm_momentum
    return model


BUILDERS: dict[str, Builder] = {
    "lenet": lenet,
    **{f"vgg{depth}": partial(vgg, depth, False) for depth in (11, 13, 16, 19)},
    **{f"vgg{depth}_bn": partial(vgg, depth, True) for depth in (11, 13, 16, 19)},
    **{f"resnet{depth}": partial(resnet, depth) for depth in (18, 34, 50)},
    "densenet121": densenet121,
    "mobilenet_v2": mobilenet_v2,
    **{f"mobilenet_v3_{size}": partial(mobilenet_v3, size) for size in ("small", "large")},
    "shufflenet_v2": shufflenet_v2,
    "efficientnet_b0": efficientnet_b0,
    "efficientnet_lite0": efficientnet_lite0,
    "convnext_tiny": convnext_tiny,
    "speedrun": speedrun,
}
