"""What is known of a network without running it: its weights, the work of one picture, whether ImageNet's fit what the plan freezes.

Knows no data, no device and no file of weights: shapes are enough.
"""

from dataclasses import dataclass
from functools import cache

import torch
from torch import nn

from engine.config.model import IMAGENET, ModelConfig
from engine.config.run import RunConfig
from engine.models import published, transfer
from engine.models.anatomy import Layer, dissect, flop_counter
from engine.models.building import build
from engine.models.freezing import tail
from engine.models.layers import count
from engine.training.staging import first_drawn, frozen, require_taken


@dataclass(frozen=True)
class Facts:
    """`flops`: floating-point operations of one picture forward, as `flop_counter` counts them; training costs about three times as
    many. `separable`: what the layers that the plan freezes make of a picture is all that the others need. `drawn`: the first of those
    that stays as it was drawn meanwhile, since weights of ImageNet do not fit it."""

    parameters: int
    flops: int
    separable: bool
    drawn: int | None


def facts(config: RunConfig, channels: int, classes: int) -> Facts:
    """The facts of the config's network; takes no memory, since its tensors have shapes only.

    Raises BadKnob when it has not the layers that the plan names, or when the plan freezes for good what weights of ImageNet do not fit;
    of a run's weights that is known once they are there.
    """
    model, picture = _blueprint(config, channels, classes, 1)
    require_fit(config, model)
    still = frozen(config.stages, count(model), config.stages.plan != "all")
    unfit = _unfit(config, model) if still and config.model.weights == IMAGENET else ()
    return Facts(parameters(model), flops(model, picture), tail(model, still) is not None, first_drawn(model, unfit, still))


def require_fit(config: RunConfig, network: nn.Module | None = None) -> None:
    """Raises BadKnob when the plan keeps a layer or a norm for good as it came, and ImageNet's weights do not fit it. `network`: the
    config's, if there is one.

    Nobody needs to know the data: a first layer takes them for grey pictures as for coloured ones, and the last, whose size the classes
    decide, always learns.
    """
    stages = config.stages
    if config.model.weights == IMAGENET and (stages.freezes_for_good or stages.frozen_norm == "on"):
        model = network if network is not None else _blueprint(config, transfer.COLOURS, published.CLASSES, 1)[0]
        require_taken(config, model, _unfit(config, model))


def _unfit(config: RunConfig, network: nn.Module) -> set[str]:
    return transfer.unfit(_published(config.model.architecture), network)


def layers(config: RunConfig, channels: int, classes: int) -> list[Layer]:
    """The layers of the config's network, each with its part of the facts."""
    return dissect(*_blueprint(config, channels, classes, 1))


def _blueprint(config: RunConfig, channels: int, classes: int, count: int) -> tuple[nn.Module, torch.Tensor]:
    """The network without its numbers, and so many pictures without theirs."""
    side = config.data.resolution
    with torch.device("meta"):
        return build(config.model, channels, classes, side), torch.empty(count, channels, side, side)


@cache
def _published(architecture: str) -> dict[str, torch.Tensor]:
    """The shapes of an architecture's published weights, by name: those of ours for pictures as large as it was published for."""
    with torch.device("meta"):
        return build(ModelConfig(architecture=architecture), transfer.COLOURS, published.CLASSES, published.RESOLUTION).state_dict()


def parameters(model: nn.Module) -> int:
    """How many numbers are learned."""
    return sum(parameter.numel() for parameter in model.parameters())


@torch.no_grad()
def flops(model: nn.Module, pictures: torch.Tensor) -> int:
    """Floating-point operations of one forward pass."""
    model.eval()
    with flop_counter() as counter:
        model(pictures)
    return int(counter.get_total_flops())


def kept_for_backward(config: RunConfig, channels: int, classes: int) -> int:
    """Bytes that the forward pass keeps for the backward pass, per picture in fp32: less than this, training cannot take."""
    count = 2
    model, pictures = _blueprint(config, channels, classes, count)
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
