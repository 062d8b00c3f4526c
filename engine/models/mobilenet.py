"""MobileNetV2 (Sandler et al. 2018) through torchvision, with a stem and strides for small pictures. Knows no data."""

from torch import nn

from engine.config.model import ModelConfig
from engine.models.initialisation import kaiming, linear_head
from engine.models.stems import LARGE_PICTURE, stem
from engine.models.stochastic_depth import in_blocks

# Expansion, channels, repeats and stride of each stage, as published (table 2).
STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
# The stage that keeps every pixel of a small picture.
KEPT = 1


def mobilenet_v2(config: ModelConfig, channels: int, classes: int, resolution: int) -> nn.Module:
    """MobileNetV2; parameter names are torchvision's."""
    from torchvision.models import MobileNetV2  # takes 1.5 s to import

    large = resolution >= LARGE_PICTURE
    stages = [[*shape, stride if large or place != KEPT else 1] for place, (*shape, stride) in enumerate(STAGES)]
    model = MobileNetV2(classes, config.width, stages, dropout=config.dropout)
    model.features[0][0] = stem(model.features[0][0], channels, large)
    in_blocks(model)
    kaiming(model)
    linear_head(model.classifier[1])
    return model
