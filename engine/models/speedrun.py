"""The network of the fastest known CIFAR-10 trainings, after airbench94 (Jordan 2024, "94% on CIFAR-10 in 3.29 seconds on a single GPU").

A first layer that whitens 2x2 patches and is not learned, three groups of two convolutions that start as the identity, GELU. Knows no
dataset; what it whitens by is given to it.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.config.model import ModelConfig
from engine.models.dropout import DroppedLinear
from engine.models.widths import scaled

PATCH = 2
STAGE_CHANNELS = (64, 256, 256)
# Added to the patches' variances (of pictures with deviation 1), so that directions which hold next to nothing are not blown up.
FLOOR = 5e-4
# The head's answers are divided by this: they start small, and so do the first steps.
COOLING = 9.0
# What a batch weighs in the running statistics of batch norm: more than torch's 0.1, since few steps are to suffice.
MOMENTUM = 0.4


class Group(nn.Module):
    """Two 3x3 convolutions, pooled by 2 between them, batch norm and GELU after each."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.conv1 = _identity_first(channels, out)
        self.norm1 = nn.BatchNorm2d(out, momentum=MOMENTUM)
        self.conv2 = _identity_first(out, out)
        self.norm2 = nn.BatchNorm2d(out, momentum=MOMENTUM)

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, S, S) -> (N, out, S / 2, S / 2)."""
        maps = functional.gelu(self.norm1(functional.max_pool2d(self.conv1(maps), 2)))
        return functional.gelu(self.norm2(self.conv2(maps)))


class Cooled(DroppedLinear):
    """The last layer, its answer divided by COOLING."""

    def forward(self, values: Tensor) -> Tensor:
        return super().forward(values) / COOLING


class Speedrun(nn.Module):
    """Whitening, three groups, the maximum over the map, dropout, one fully connected layer without bias."""

    HEAD = ("head",)
    HOLDS_FIRST = True
    whitening: Tensor

    def __init__(self, config: ModelConfig, channels: int, classes: int) -> None:
        super().__init__()
        patch = channels * PATCH**2
        first = torch.empty(2 * patch, channels, PATCH, PATCH)
        self.register_buffer("whitening", nn.init.orthogonal_(first))
        self.bias = nn.Parameter(torch.zeros(2 * patch))
        widths = [2 * patch, *(scaled(full, config.width) for full in STAGE_CHANNELS)]
        self.groups = nn.Sequential(*(Group(before, out) for before, out in zip(widths, widths[1:], strict=False)))
        self.head = Cooled(widths[-1], classes, config.dropout, bias=False)

    def maps(self, pictures: Tensor) -> Tensor:
        """(N, C, R, R) -> (N, widths[-1], S, S)."""
        return self.groups(functional.gelu(functional.conv2d(pictures, self.whitening, self.bias)))

    def forward(self, pictures: Tensor) -> Tensor:
        """(N, C, R, R) -> logits (N, classes)."""
        return self.head(self.maps(pictures).amax((2, 3)))

    @torch.no_grad()
    def whiten(self, pictures: Tensor) -> None:
        """Make the first layer's answers to patches of these pictures (N, C, R, R) uncorrelated, each of variance 1, and of both signs."""
        patches = functional.unfold(pictures.cpu().double(), PATCH).transpose(1, 2).flatten(0, 1)
        variances, directions = torch.linalg.eigh(patches.T @ patches / len(patches))
        filters = (directions / (variances + FLOOR).sqrt()).T.reshape(-1, *self.whitening.shape[1:]).flip(0)
        self.whitening.copy_(torch.cat([filters, -filters]))


def _identity_first(channels: int, out: int) -> nn.Conv2d:
    """A 3x3 convolution whose first filters pass their channel on, the rest as torch draws them."""
    layer = nn.Conv2d(channels, out, 3, padding=1, bias=False)
    nn.init.dirac_(layer.weight[: min(channels, out)])
    return layer


def speedrun(config: ModelConfig, channels: int, classes: int, resolution: int) -> nn.Module:
    """The network, its first layer orthogonal until `whiten` has seen pictures."""
    return Speedrun(config, channels, classes)
