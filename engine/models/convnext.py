"""ConvNeXt-tiny (Liu et al. 2022) through torchvision, with a stem for small pictures. Knows no data."""

from types import MethodType
from typing import Any, cast

from torch import Tensor, nn

from engine.config.model import ModelConfig
from engine.models.dropout import DroppedLinear
from engine.models.initialisation import kaiming, linear_head
from engine.models.stems import LARGE_PICTURE, stem
from engine.models.stochastic_depth import in_blocks
from engine.models.widths import scaled

CHANNELS = (96, 192, 384, 768)
LAYERS = (3, 3, 9, 3)
# What each block's answer is multiplied by at first.
LAYER_SCALE = 1e-6


def _maps(model: Any, pictures: Tensor) -> Tensor:
    """(N, C, R, R) -> the last map (N, F, S, S), each place of it normalised: published, the norm comes after the mean over the places."""
    return cast(Tensor, model.classifier[0](model.features(pictures)))


def convnext_tiny(config: ModelConfig, channels: int, classes: int, resolution: int) -> nn.Module:
    """ConvNeXt-tiny; parameter names are torchvision's, and dropout before its last layer is ours."""
    from torchvision.models import ConvNeXt  # takes 1.5 s to import
    from torchvision.models.convnext import CNBlockConfig

    widths = [scaled(full, config.width) for full in CHANNELS]
    stages = [CNBlockConfig(width, out, layers) for width, out, layers in zip(widths, [*widths[1:], None], LAYERS, strict=True)]
    model = ConvNeXt(stages, layer_scale=LAYER_SCALE, num_classes=classes)
    model.features[0][0] = stem(model.features[0][0], channels, resolution >= LARGE_PICTURE)
    model.classifier[2] = DroppedLinear(widths[-1], classes, config.dropout)
    model.maps, model.HEAD = MethodType(_maps, model), ("classifier.1", "classifier.2")
    in_blocks(model)
    kaiming(model)
    linear_head(model.classifier[2])
    return model
