"""Squeeze-and-excitation (Hu et al. 2018): a network that adapts its channels to each picture. Knows no network."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.config.model import ModelConfig

REDUCTION = 16
# Of narrow maps as many as a sixteenth of the paper's narrowest, 64 channels: with one unit a ReLU that is shut would shut the gate.
LEAST = 4


class SqueezeExcitation(nn.Module):
    """Multiplies each map by a weight in 0 .. 2 that two fully connected layers find from the means of all maps (eq. 2 and 3).

    The sigmoid is doubled: the layers behind make up for it, and a fresh gate, whose last layer is zero, passes everything on as it is.
    With the paper's fresh 0.5 each, the sixteen gates of a plain VGG-19 would leave 1/65,536 of the signal.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, max(LEAST, channels // REDUCTION))
        self.fc2 = nn.Linear(max(LEAST, channels // REDUCTION), channels)

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, S, S) -> the same shape."""
        squeezed = functional.relu(self.fc1(maps.mean((2, 3))))
        return maps * (2 * torch.sigmoid(self.fc2(squeezed)))[:, :, None, None]


def gate(config: ModelConfig, channels: int) -> list[nn.Module]:
    """Squeeze-excitation of so many channels where the config asks for it."""
    return [SqueezeExcitation(channels)] if config.squeeze_excitation == "on" else []


def open_gates(model: nn.Module) -> None:
    """Let every gate begin by passing everything on."""
    for module in model.modules():
        if isinstance(module, SqueezeExcitation):
            nn.init.zeros_(module.fc2.weight)
