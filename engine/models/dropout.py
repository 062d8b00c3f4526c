"""Dropout whose draws can come from a generator of its own, and a last layer that brings its dropout. Knows no network."""

import torch
from torch import Tensor, nn


class Dropout(nn.Dropout):
    """torch's dropout; it draws from `generator` where there is one, so that copies of a network which run side by side do not share."""

    generator: torch.Generator | None = None

    def forward(self, values: Tensor) -> Tensor:
        if self.generator is None or not self.training or self.p == 0:
            return super().forward(values)
        kept = torch.rand(values.shape, generator=self.generator, device=values.device) < 1 - self.p
        return values * kept.to(values.dtype).div_(1 - self.p)


class DroppedLinear(nn.Linear):
    """A fully connected layer with dropout before it, for networks published without: its parameters have a plain one's names."""

    def __init__(self, features: int, classes: int, probability: float, bias: bool = True) -> None:
        super().__init__(features, classes, bias)
        self.dropout = Dropout(probability)

    def forward(self, values: Tensor) -> Tensor:
        return super().forward(self.dropout(values))
