"""ResNet-18, 34 and 50 (He et al. 2016) with the stem of their CIFAR variant on small pictures.

Knows no data. Written out because torchvision's fixes its channels and stem and takes 1.5 s to import; parameter names are
torchvision's, so that its weights fit where the shapes do.
"""

from torch import Tensor, nn
from torch.nn import functional

from engine.config.model import ModelConfig
from engine.models.dropout import DroppedLinear
from engine.models.initialisation import kaiming, linear_head
from engine.models.squeeze import gate, open_gates
from engine.models.stems import LARGE_PICTURE
from engine.models.stochastic_depth import StochasticDepth
from engine.models.widths import scaled

# From this depth on the blocks are bottlenecks.
BOTTLENECKS = 50
STAGE_CHANNELS = (64, 128, 256, 512)
STAGE_DEPTHS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}


class Block(nn.Module):
    """Two 3x3 convolutions beside a skip connection; a 1x1 convolution on the skip where the shape changes (option B)."""

    expansion = 1

    def __init__(self, channels: int, inner: int, stride: int, config: ModelConfig) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, inner, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.downsample = _skip(channels, inner, stride)
        self.added = nn.Sequential(*gate(config, inner), StochasticDepth())

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, S, S) -> (N, inner, S / stride, S / stride)."""
        skip = maps if self.downsample is None else self.downsample(maps)
        inner = functional.relu(self.bn1(self.conv1(maps)), inplace=True)
        return functional.relu(self.added(self.bn2(self.conv2(inner))) + skip, inplace=True)


class Bottleneck(nn.Module):
    """A 3x3 convolution between two of 1x1, the last of which has four times the channels, beside a skip connection.

    The stride is that of the 3x3 one, as torchvision has it; in the paper it is that of the first, which skips three pixels of four.
    """

    expansion = 4

    def __init__(self, channels: int, inner: int, stride: int, config: ModelConfig) -> None:
        super().__init__()
        out = inner * self.expansion
        self.conv1 = nn.Conv2d(channels, inner, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out)
        self.downsample = _skip(channels, out, stride)
        self.added = nn.Sequential(*gate(config, out), StochasticDepth())

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, S, S) -> (N, 4 inner, S / stride, S / stride)."""
        skip = maps if self.downsample is None else self.downsample(maps)
        inner = functional.relu(self.bn1(self.conv1(maps)), inplace=True)
        inner = functional.relu(self.bn2(self.conv2(inner)), inplace=True)
        return functional.relu(self.added(self.bn3(self.conv3(inner))) + skip, inplace=True)


class ResNet(nn.Module):
    """Stem, four stages of blocks, mean over the map, dropout, one fully connected layer."""

    HEAD = ("fc",)

    def __init__(self, depth: int, config: ModelConfig, channels: int, classes: int, resolution: int) -> None:
        super().__init__()
        widths = [scaled(full, config.width) for full in STAGE_CHANNELS]
        large = resolution >= LARGE_PICTURE
        kernel, stride, padding = (7, 2, 3) if large else (3, 1, 1)
        self.conv1 = nn.Conv2d(channels, widths[0], kernel, stride, padding, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1) if large else nn.Identity()
        kind: type[Block] | type[Bottleneck] = Bottleneck if depth >= BOTTLENECKS else Block
        self.layer1, self.layer2, self.layer3, self.layer4 = _stages(kind, widths, STAGE_DEPTHS[depth], config)
        self.fc = DroppedLinear(widths[-1] * kind.expansion, classes, config.dropout)

    def maps(self, pictures: Tensor) -> Tensor:
        """(N, C, R, R) -> (N, widths[-1], S, S)."""
        maps = self.maxpool(functional.relu(self.bn1(self.conv1(pictures)), inplace=True))
        return self.layer4(self.layer3(self.layer2(self.layer1(maps))))

    def forward(self, pictures: Tensor) -> Tensor:
        """(N, C, R, R) -> logits (N, classes)."""
        return self.fc(self.maps(pictures).mean((2, 3)))


def _skip(channels: int, out: int, stride: int) -> nn.Module | None:
    if stride == 1 and channels == out:
        return None
    return nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))


def _stages(kind: type[Block] | type[Bottleneck], widths: list[int], depths: tuple[int, ...], config: ModelConfig) -> list[nn.Sequential]:
    """Every stage but the first halves the map in its first block."""
    channels, stages = widths[0], []
    for place, (inner, depth) in enumerate(zip(widths, depths, strict=True)):
        blocks = []
        for number in range(max(1, depth - config.layers_less)):
            blocks.append(kind(channels, inner, 2 if place and not number else 1, config))
            channels = inner * kind.expansion
        stages.append(nn.Sequential(*blocks))
    return stages


def resnet(depth: int, config: ModelConfig, channels: int, classes: int, resolution: int) -> nn.Module:
    """A ResNet of `depth` weight layers. Each block starts as its skip alone (Goyal et al. 2017, section 5.1)."""
    model = ResNet(depth, config, channels, classes, resolution)
    kaiming(model)
    open_gates(model)
    linear_head(model.fc)
    for module in model.modules():
        if isinstance(module, Block):
            nn.init.zeros_(module.bn2.weight)
        elif isinstance(module, Bottleneck):
            nn.init.zeros_(module.bn3.weight)
    return model
