"""ShuffleNetV2 (Ma et al. 2018) through torchvision, with a stem for small pictures. Knows no data."""

from types import MethodType
from typing import Any, cast

from torch import Tensor, nn

from engine.config.model import ModelConfig
from engine.models.dropout import DroppedLinear
from engine.models.initialisation import kaiming, linear_head
from engine.models.stems import LARGE_PICTURE, stem
from engine.models.widths import scaled

REPEATS = (4, 8, 4)
# Channels of the stem, the three stages and the last convolution: at these widths as published (table 5), which are no multiples of
# each other; at any other width those of 1.0, multiplied.
CHANNELS = {
    0.5: (24, 48, 96, 192, 1024),
    1.0: (24, 116, 232, 464, 1024),
    1.5: (24, 176, 352, 704, 1024),
    2.0: (24, 244, 488, 976, 2048),
}


def _maps(model: Any, pictures: Tensor) -> Tensor:
    """(N, C, R, R) -> the last map, as the network's own forward pass makes it."""
    maps = model.maxpool(model.conv1(pictures))
    return cast(Tensor, model.conv5(model.stage4(model.stage3(model.stage2(maps)))))


def shufflenet_v2(config: ModelConfig, channels: int, classes: int, resolution: int) -> nn.Module:
    """ShuffleNetV2; parameter names are torchvision's, and dropout before its last layer is ours."""
    from torchvision.models import ShuffleNetV2  # takes 1.5 s to import

    large = resolution >= LARGE_PICTURE
    widths = CHANNELS.get(config.width) or tuple(scaled(full, config.width) for full in CHANNELS[1.0])
    model = ShuffleNetV2(list(REPEATS), list(widths), classes)
    model.conv1[0] = stem(model.conv1[0], channels, large)
    if not large:
        model.maxpool = nn.Identity()
    model.fc = DroppedLinear(widths[-1], classes, config.dropout)
    model.maps, model.HEAD = MethodType(_maps, model), ("fc",)
    kaiming(model)
    linear_head(model.fc)
    return model
