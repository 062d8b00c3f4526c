"""DenseNet-121 (Huang et al. 2017, bottlenecks and compression) through torchvision, with a stem for small pictures. Knows no data."""

from types import MethodType
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from engine.config.model import ModelConfig
from engine.models.dropout import DroppedLinear
from engine.models.initialisation import kaiming, linear_head
from engine.models.stems import LARGE_PICTURE, stem
from engine.models.widths import scaled

LAYERS = (6, 12, 24, 16)
FIRST, GROWTH = 64, 32


def _maps(model: Any, pictures: Tensor) -> Tensor:
    """(N, C, R, R) -> the last map (N, F, S, S), as the network's own forward pass makes it: its last ReLU is no module."""
    return functional.relu(model.features(pictures), inplace=True)


def densenet121(config: ModelConfig, channels: int, classes: int, resolution: int) -> nn.Module:
    """DenseNet-121; parameter names are torchvision's. The width multiplies the stem and what each layer adds.

    Dropout comes before the last layer, as in the other networks, not after each convolution.
    """
    from torchvision.models import DenseNet  # takes 1.5 s to import

    large = resolution >= LARGE_PICTURE
    model = DenseNet(scaled(GROWTH, config.width, multiple=4), LAYERS, scaled(FIRST, config.width), num_classes=classes)
    model.features.conv0 = stem(model.features.conv0, channels, large)
    if not large:
        model.features.pool0 = nn.Identity()
    model.classifier = DroppedLinear(model.classifier.in_features, classes, config.dropout)
    model.maps = MethodType(_maps, model)
    kaiming(model)
    linear_head(model.classifier)
    return model
