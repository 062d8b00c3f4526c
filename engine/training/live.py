"""The live objects of a run: its network, the optimiser, and the average of the weights where there is one. Knows no loop and no file."""

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim import Optimizer


class Average:
    """A second network, whose weights are the exponential mean of the first one's over the steps (after Polyak & Juditsky 1992).

    It costs the memory of the weights, and a pass over them in every step.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = copy.deepcopy(model).requires_grad_(False).eval()
        self._followed = model
        self._weights: list[Tensor] = list(model.parameters())
        self._averages: list[Tensor] = list(self.model.parameters())

    @torch.no_grad()
    def follow(self, decay: float, step: int) -> None:
        """Take in the weights after optimiser step `step` (from 1): keep `decay` of the average, early in the run less.

        At most (1 + step) / (10 + step), as TensorFlow's has it: the weights that a network starts with say nothing.
        """
        torch._foreach_lerp_(self._averages, self._weights, 1 - min(decay, (1 + step) / (10 + step)))

    @torch.no_grad()
    def network(self) -> nn.Module:
        """The averaged network as it stands, with the batch statistics of the one that it follows."""
        for mine, its in zip(self.model.buffers(), self._followed.buffers(), strict=True):
            mine.copy_(its)
        return self.model


@dataclass(frozen=True)
class Live:
    """What is trained, what trains it, and its average."""

    model: nn.Module
    optimiser: Optimizer
    average: Average | None = None

    def evaluated(self) -> nn.Module:
        """What is asked about pictures that it does not learn from, and kept as the run's weights."""
        return self.model if self.average is None else self.average.network()
