"""What is known of a network without running it: its weights and the work of one picture. Knows no data and no device."""

from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from engine.config.run import RunConfig
from engine.models.building import build


@dataclass(frozen=True)
class Facts:
    """`flops`: floating-point operations of one picture forward, a multiplication with its addition counted as two, convolutions
    and matrix products alone; training costs about three times as many."""

    parameters: int
    flops: int


def facts(config: RunConfig, channels: int, classes: int) -> Facts:
    """The facts of the config's network; takes no memory, since its tensors have shapes only."""
    with torch.device("meta"):
        model = build(config.model, channels, classes, config.data.resolution)
        picture = torch.empty(1, channels, config.data.resolution, config.data.resolution)
    return Facts(parameters(model), flops(model, picture))


def parameters(model: nn.Module) -> int:
    """How many numbers are learned."""
    return sum(parameter.numel() for parameter in model.parameters())


@torch.no_grad()
def flops(model: nn.Module, pictures: torch.Tensor) -> int:
    """Floating-point operations of one forward pass, counted by torch."""
    model.eval()
    with FlopCounterMode(display=False) as counter:
        model(pictures)
    return int(counter.get_total_flops())


def kept_for_backward(config: RunConfig, channels: int, classes: int) -> int:
    """Bytes that the forward pass keeps for the backward pass, per picture in fp32: less than this, training cannot take."""
    side, count = config.data.resolution, 2
    with torch.device("meta"):
        model = build(config.model, channels, classes, side)
        pictures = torch.empty(count, channels, side, side)
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage._cdata] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        logits = model(pictures)
    weights = {tensor.untyped_storage()._cdata for tensor in (*model.parameters(), *model.buffers())}
    del logits  # until here, so that no storage's place was used twice
    return sum(size for place, size in kept.items() if place not in weights) // count
