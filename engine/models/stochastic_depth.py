"""Residual blocks that are left out at random while a network learns. Knows no network."""

from typing import cast

import torch
from torch import Tensor, nn


class StochasticDepth(nn.Module):
    """Stands at the end of what a block adds to its skip connection, and leaves that out with probability `p`, for each picture alone.

    Huang et al. 2016, "Deep Networks with Stochastic Depth", draw once for a whole batch and scale in evaluation; as in torchvision each
    picture has a draw of its own, and what stays grows by 1 / (1 - p), so that evaluation is the plain network. It draws from `generator`
    where there is one, else from torch's own.
    """

    p = 0.0
    generator: torch.Generator | None = None

    def forward(self, added: Tensor) -> Tensor:
        """(N, C, S, S) -> the same, zero where the block is left out."""
        if not self.training or self.p == 0:
            return added
        drawn = torch.rand((len(added), 1, 1, 1), generator=self.generator, device=added.device)
        return added * (drawn < 1 - self.p).to(added.dtype).div_(1 - self.p)


def in_blocks(network: nn.Module) -> None:
    """Put it into the residual blocks of one of torchvision's networks: in the place of its own, or at the end of what a block adds."""
    for block in network.modules():
        if not getattr(block, "use_res_connect", hasattr(block, "stochastic_depth")):
            continue
        if hasattr(block, "stochastic_depth"):
            block.stochastic_depth = StochasticDepth()
        else:
            layers = block.conv if hasattr(block, "conv") else block.block
            cast(nn.Sequential, layers).append(StochasticDepth())


def spread(model: nn.Module, last: float) -> None:
    """The last of L blocks is left out with probability `last`, block l with l / L of it: early ones feed all others (section 3)."""
    blocks = [module for module in model.modules() if isinstance(module, StochasticDepth)]
    for place, block in enumerate(blocks, 1):
        block.p = last * place / len(blocks)
