"""ResNet-18 and 34 (He et al. 2016) with the stem of their CIFAR variant on small pictures.

Knows no data. Written out because torchvision's fixes its channels and stem and takes 1.5 s to import; parameter names are
torchvision's, so that its weights fit where the shapes do.
"""

from torch import Tensor, nn
from torch.nn import functional

from engine.config.model import ModelConfig
from engine.models.initialisation import kaiming, linear_head
from engine.models.widths import scaled

STAGE_CHANNELS = (64, 128, 256, 512)
STAGE_DEPTHS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}
# From here on the stem divides the picture by four, as published; a smaller one could not spare the pixels.
LARGE_PICTURE = 64


class Block(nn.Module):
    """Two 3x3 convolutions beside a skip connection; a 1x1 convolution on the skip where the shape changes (option B)."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        fits = stride == 1 and channels == out
        self.downsample = None if fits else nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, S, S) -> (N, out, S / stride, S / stride)."""
        skip = maps if self.downsample is None else self.downsample(maps)
        inner = functional.relu(self.bn1(self.conv1(maps)), inplace=True)
        return functional.relu(self.bn2(self.conv2(inner)) + skip, inplace=True)


class ResNet(nn.Module):
    """Stem, four stages of blocks, mean over the map, dropout, one fully connected layer."""

    def __init__(self, depth: int, config: ModelConfig, channels: int, classes: int, resolution: int) -> None:
        super().__init__()
        widths = [scaled(full, config.width) for full in STAGE_CHANNELS]
        large = resolution >= LARGE_PICTURE
        kernel, stride, padding = (7, 2, 3) if large else (3, 1, 1)
        self.conv1 = nn.Conv2d(channels, widths[0], kernel, stride, padding, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1) if large else nn.Identity()
        depths = STAGE_DEPTHS[depth]
        self.layer1 = _stage(widths[0], widths[0], depths[0], stride=1)
        self.layer2 = _stage(widths[0], widths[1], depths[1], stride=2)
        self.layer3 = _stage(widths[1], widths[2], depths[2], stride=2)
        self.layer4 = _stage(widths[2], widths[3], depths[3], stride=2)
        self.dropout = nn.Dropout(config.dropout)
        self.fc = nn.Linear(widths[-1], classes)

    def forward(self, pictures: Tensor) -> Tensor:
        """(N, C, R, R) -> logits (N, classes)."""
        maps = self.maxpool(functional.relu(self.bn1(self.conv1(pictures)), inplace=True))
        maps = self.layer4(self.layer3(self.layer2(self.layer1(maps))))
        return self.fc(self.dropout(maps.mean((2, 3))))


def _stage(channels: int, out: int, count: int, stride: int) -> nn.Sequential:
    return nn.Sequential(Block(channels, out, stride), *(Block(out, out, 1) for _ in range(count - 1)))


def resnet(depth: int, config: ModelConfig, channels: int, classes: int, resolution: int) -> nn.Module:
    """A ResNet of `depth` weight layers. Each block starts as its skip alone (Goyal et al. 2017, section 5.1)."""
    model = ResNet(depth, config, channels, classes, resolution)
    kaiming(model)
    linear_head(model.fc)
    for module in model.modules():
        if isinstance(module, Block):
            nn.init.zeros_(module.bn2.weight)
    return model
