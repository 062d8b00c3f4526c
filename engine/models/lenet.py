"""The small net of the ablation studies, after LeNet-5 (LeCun et al. 1998): ReLU and max-pooling in place of its own.

Knows no data; takes any resolution from 16 px.
"""

from torch import Tensor, nn

from engine.config.model import ModelConfig
from engine.models.dropout import Dropout
from engine.models.widths import scaled

CHANNELS = (6, 16)
HIDDEN = (120, 84)
KERNEL = 5


class Pool(nn.MaxPool2d):
    """Max-pooling in float32: of bf16 maps with few channels torch's takes twice as long on the CPU as of float32 ones."""

    def forward(self, maps: Tensor) -> Tensor:
        return super().forward(maps.float())


class LeNet(nn.Module):
    """Two 5x5 convolutions without padding, each pooled by 2; three fully connected layers, dropout before each.

    ReLU comes after the pooling: the numbers are the same to the bit, for a quarter of the work.
    """

    def __init__(self, config: ModelConfig, channels: int, classes: int, resolution: int) -> None:
        super().__init__()
        first, second = (scaled(count, config.width, multiple=1) for count in CHANNELS)
        wide, narrow = (config.hidden or scaled(count, config.width, multiple=1) for count in HIDDEN)
        self.features = nn.Sequential(
            nn.Conv2d(channels, first, KERNEL), Pool(2), nn.ReLU(), nn.Conv2d(first, second, KERNEL), Pool(2), nn.ReLU()
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),
            Dropout(config.dropout),
            nn.Linear(second * map_size(resolution) ** 2, wide),
            nn.ReLU(),
            Dropout(config.dropout),
            nn.Linear(wide, narrow),
            nn.ReLU(),
            Dropout(config.dropout),
            nn.Linear(narrow, classes),
        )

    def forward(self, pictures: Tensor) -> Tensor:
        """(N, C, R, R) -> logits (N, classes)."""
        return self.classifier(self.features(pictures))


def map_size(resolution: int) -> int:
    """Side of the map that reaches the head, in pixels: 1 from 16, 5 from 32, 53 from 224."""
    return ((resolution - KERNEL + 1) // 2 - KERNEL + 1) // 2


def lenet(config: ModelConfig, channels: int, classes: int, resolution: int) -> nn.Module:
    """LeNet; torch's default initialisation, which two convolutions do not mind."""
    return LeNet(config, channels, classes, resolution)
