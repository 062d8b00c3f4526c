"""MobileNetV3 (Howard et al. 2019), small and large, through torchvision, with a stem and strides for small pictures. Knows no data."""

from functools import partial

from torch import nn

from engine.config.model import ModelConfig
from engine.models.initialisation import kaiming, linear_head
from engine.models.stems import LARGE_PICTURE, stem
from engine.models.stochastic_depth import in_blocks
from engine.models.widths import scaled

# Of each block: kernel, channels inside and out, squeeze-excitation, activation (ReLU or hard swish) and stride (tables 1 and 2).
BLOCKS = {
    "small": (
        (3, 16, 16, True, "RE", 2),
        (3, 72, 24, False, "RE", 2),
        (3, 88, 24, False, "RE", 1),
        (5, 96, 40, True, "HS", 2),
        (5, 240, 40, True, "HS", 1),
        (5, 240, 40, True, "HS", 1),
        (5, 120, 48, True, "HS", 1),
        (5, 144, 48, True, "HS", 1),
        (5, 288, 96, True, "HS", 2),
        (5, 576, 96, True, "HS", 1),
        (5, 576, 96, True, "HS", 1),
    ),
    "large": (
        (3, 16, 16, False, "RE", 1),
        (3, 64, 24, False, "RE", 2),
        (3, 72, 24, False, "RE", 1),
        (5, 72, 40, True, "RE", 2),
        (5, 120, 40, True, "RE", 1),
        (5, 120, 40, True, "RE", 1),
        (3, 240, 80, False, "HS", 2),
        (3, 200, 80, False, "HS", 1),
        (3, 184, 80, False, "HS", 1),
        (3, 184, 80, False, "HS", 1),
        (3, 480, 112, True, "HS", 1),
        (3, 672, 112, True, "HS", 1),
        (5, 672, 160, True, "HS", 2),
        (5, 960, 160, True, "HS", 1),
        (5, 960, 160, True, "HS", 1),
    ),
}
FIRST = 16
HIDDEN = {"small": 1024, "large": 1280}
# The block that keeps every pixel of a small picture: the first with a stride.
KEPT = {"small": 0, "large": 1}
# torchvision's running statistics move by 0.01 a step, for its 600 epochs of ImageNet; of a short run they would know next to nothing,
# so they move by torch's 0.1. The small number in the denominator is theirs.
NORM = partial(nn.BatchNorm2d, eps=1e-3)


def mobilenet_v3(size: str, config: ModelConfig, channels: int, classes: int, resolution: int) -> nn.Module:
    """MobileNetV3; parameter names are torchvision's. Dropout comes before the last layer alone."""
    from torchvision.models import MobileNetV3  # takes 1.5 s to import
    from torchvision.models.mobilenetv3 import InvertedResidualConfig

    large = resolution >= LARGE_PICTURE
    before = (FIRST, *(block[2] for block in BLOCKS[size]))
    blocks = [
        InvertedResidualConfig(into, *shape, stride if large or place != KEPT[size] else 1, 1, config.width)
        for place, (into, (*shape, stride)) in enumerate(zip(before, BLOCKS[size], strict=False))
    ]
    hidden = config.hidden or scaled(HIDDEN[size], config.width)
    model = MobileNetV3(blocks, hidden, classes, norm_layer=NORM, dropout=config.dropout)
    model.features[0][0] = stem(model.features[0][0], channels, large)
    in_blocks(model)
    kaiming(model)
    linear_head(model.classifier[3])
    return model
