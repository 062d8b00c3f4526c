"""The small net of the ablation studies, after LeNet-5 (LeCun et al. 1998): ReLU and max-pooling in place of its own.

Knows no data; takes any resolution from 16 px.
"""

from torch import Tensor, nn

from engine.config.model import ModelConfig
from engine.models.widths import scaled

CHANNELS = (6, 16)
HIDDEN = (120, 84)
KERNEL = 5


class LeNet(nn.Module):
    """Two 5x5 convolutions without padding, each pooled by 2; three fully connected layers, dropout before each."""

    def __init__(self, config: ModelConfig, channels: int, classes: int, resolution: int) -> None:
        super().__init__()
        first, second = (scaled(count, config.width, multiple=1) for count in CHANNELS)
        wide, narrow = (scaled(count, config.width, multiple=1) for count in HIDDEN)
        self.features = nn.Sequential(
            nn.Conv2d(channels, first, KERNEL), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(first, second, KERNEL), nn.ReLU(), nn.MaxPool2d(2)
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(config.dropout),
            nn.Linear(second * map_size(resolution) ** 2, wide),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(wide, narrow),
            nn.ReLU(),
            nn.Dropout(config.dropout),
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
