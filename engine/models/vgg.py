"""VGG-11, 13, 16 and 19 (Simonyan & Zisserman 2015, table 1), plain and with batch norm, at any resolution from 32 px.

Knows no data. Written out because torchvision's takes neither a width nor one channel, blows a 1x1 map up to 7x7, and takes
1.5 s to import; layers and parameter names are torchvision's, so that its weights fit where the shapes do.
"""

from torch import Tensor, nn

from engine.config.model import ModelConfig
from engine.models.convolutions import convolution
from engine.models.initialisation import kaiming, linear_head
from engine.models.squeeze import gate, open_gates
from engine.models.widths import scaled

STAGE_CHANNELS = (64, 128, 256, 512, 512)
# Convolutions in each of the five stages; with the three fully connected layers they make the number in the name.
STAGE_DEPTHS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
LARGEST_MAP = 7


class VGG(nn.Module):
    """Five stages of convolutions, each pooled by 2, and three fully connected layers with dropout after the first two."""

    HEAD = ("avgpool", "classifier")

    def __init__(self, depth: int, norm: bool, config: ModelConfig, channels: int, classes: int, resolution: int) -> None:
        super().__init__()
        hidden = config.hidden or hidden_units(config.width, resolution)
        self.features = nn.Sequential(*_stages(depth, norm, config, channels))
        self.avgpool = head_pool(resolution)
        self.classifier = nn.Sequential(
            nn.Linear(scaled(STAGE_CHANNELS[-1], config.width) * min(LARGEST_MAP, resolution // 32) ** 2, hidden),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(hidden, classes),
        )

    def maps(self, pictures: Tensor) -> Tensor:
        """(N, C, R, R) -> (N, F, R // 16, R // 16): before the last pooling, as in Lin et al. 2015, for pairs live of many places."""
        return self.features[:-1](pictures)

    def forward(self, pictures: Tensor) -> Tensor:
        """(N, C, R, R) -> logits (N, classes)."""
        return self.classifier(self.avgpool(self.features(pictures)).flatten(1))


def _stages(depth: int, norm: bool, config: ModelConfig, channels: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    place = 0
    for full, count in zip(STAGE_CHANNELS, STAGE_DEPTHS[depth], strict=True):
        out = scaled(full, config.width)
        for _ in range(max(1, count - config.layers_less)):
            layers += convolution(config, channels, out, place)
            layers += [*([nn.BatchNorm2d(out)] if norm else []), nn.ReLU(inplace=True), *gate(config, out)]
            channels, place = out, place + 1
        layers.append(nn.MaxPool2d(2))
    return layers


def head_pool(resolution: int) -> nn.Module:
    """From the map of `resolution // 32` pixels to at most 7: nothing up to 255 px, so that no pixel is duplicated.

    Equal windows rather than adaptive ones, whose gradient on CUDA is not deterministic.
    """
    side = resolution // 32
    if side <= LARGEST_MAP:
        return nn.Identity()
    stride = side // LARGEST_MAP
    return nn.AvgPool2d(side - stride * (LARGEST_MAP - 1), stride)


def hidden_units(width: float, resolution: int) -> int:
    """Units of the two hidden layers: 4096 as published from 128 px on, 512 below, times the width.

    Below 128 px the map has at most 3x3 pixels; at 32 px a head of 4096 would hold 18.9 million weights, more than the
    14.7 million of VGG-16's convolutions, to read 512 numbers.
    """
    return scaled(4096 if resolution >= 128 else 512, width)


def vgg(depth: int, norm: bool, config: ModelConfig, channels: int, classes: int, resolution: int) -> nn.Module:
    """A VGG of `depth` weight layers, initialised so that the plain deep ones train."""
    model = VGG(depth, norm, config, channels, classes, resolution)
    kaiming(model)
    open_gates(model)
    head = model.classifier[-1]
    assert isinstance(head, nn.Linear)
    linear_head(head)
    return model
