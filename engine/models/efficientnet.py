"""EfficientNet-B0 (Tan & Le 2019) through torchvision, with a stem and strides for small pictures. Knows no data."""

from torch import nn

from engine.config.model import ModelConfig
from engine.models.initialisation import kaiming, linear_head
from engine.models.stems import LARGE_PICTURE, stem
from engine.models.stochastic_depth import in_blocks

# Expansion, kernel, stride, channels into and out of each stage, and repeats, as published (table 1).
STAGES = (
    (1, 3, 1, 32, 16, 1),
    (6, 3, 2, 16, 24, 2),
    (6, 5, 2, 24, 40, 2),
    (6, 3, 2, 40, 80, 3),
    (6, 5, 1, 80, 112, 3),
    (6, 5, 2, 112, 192, 4),
    (6, 3, 1, 192, 320, 1),
)
# The stage that keeps every pixel of a small picture.
KEPT = 1


def efficientnet_b0(config: ModelConfig, channels: int, classes: int, resolution: int) -> nn.Module:
    """EfficientNet-B0; parameter names are torchvision's."""
    from torchvision.models import EfficientNet  # takes 1.5 s to import
    from torchvision.models.efficientnet import MBConvConfig

    large = resolution >= LARGE_PICTURE
    stages = [
        MBConvConfig(expansion, kernel, stride if large or place != KEPT else 1, into, out, repeats, config.width)
        for place, (expansion, kernel, stride, into, out, repeats) in enumerate(STAGES)
    ]
    model = EfficientNet(stages, config.dropout, stochastic_depth_prob=0.0, num_classes=classes)
    model.features[0][0] = stem(model.features[0][0], channels, large)
    in_blocks(model)
    kaiming(model)
    linear_head(model.classifier[1])
    return model
