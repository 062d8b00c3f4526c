"""Weights of one network into another: what fits by name and shape is taken, the rest stays as it was drawn, and both are told.

Knows no file. A backbone's tensors have the same names whatever pooling stands behind it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from engine.models.backbone import PREFIX
from engine.models.layers import NORMS, WEIGHTED

COLOURS = 3
# Why a tensor stays as it was drawn: there is none of its name, its shape is another, it tells other classes apart, or it reads numbers
# that are drawn themselves, or other ones, as of another pooling.
Why = Literal["missing", "shape", "classes", "reads_drawn", "reads_others"]


@dataclass(frozen=True)
class Donor:
    """Weights to begin with, on the CPU, and per channel the mean and deviation by which their pictures, in [0, 1], were normalised.

    `classes` are those that their last layer tells apart, in order; None: other things than any data here. `said` goes into the record.
    """

    tensors: Mapping[str, Tensor]
    mean: Sequence[float]
    std: Sequence[float]
    classes: Sequence[str] | None
    said: Mapping[str, Any]

    def moments(self, channels: int) -> tuple[Tensor, Tensor]:
        """Mean and deviation (1, C, 1, 1) for pictures of so many channels: of colours their average for grey, of grey three times it."""
        mean, std = (_spread(torch.tensor(list(values)), channels).view(1, -1, 1, 1) for values in (self.mean, self.std))
        return mean, std


@dataclass(frozen=True)
class Taken:
    """The names of a network's tensors that were taken, and why the others were left. `share`: of its weights, vectors not counted."""

    taken: list[str]
    left: dict[str, Why]
    share: float


def give(donor: Donor, network: nn.Module, classes: Sequence[str]) -> Taken:
    """Put the donor's weights into a network that is to tell these classes apart, as far as they fit.

    The first convolution is fitted to the pictures' channels: for grey, its weights are summed over the colours, levelled before; for
    colours, a third of the grey ones each. The last layer is taken only where the classes are the same, nothing before it was drawn and
    the donor has nothing else before it.
    """
    fitted = _fit(_levelled(donor, network), network)
    last = _ends(network)[1]
    own = network.state_dict()
    left = {name: why for name, why in fitted.items() if isinstance(why, str)}
    answer = [name for name in own if name.startswith(f"{last}.") and name not in left]
    if donor.classes is None or list(donor.classes) != list(classes):
        left |= dict.fromkeys(answer, "classes")
    elif left or {_bare(name) for name in donor.tensors} != {_bare(name) for name in own}:
        left |= dict.fromkeys(answer, "reads_drawn" if left else "reads_others")
    taken = {name: tensor for name, tensor in fitted.items() if isinstance(tensor, Tensor) and name not in left}
    network.load_state_dict(taken, strict=False)
    return Taken(list(taken), {name: left[name] for name in own if name in left}, _share(own, taken))


def _levelled(donor: Donor, network: nn.Module) -> Mapping[str, Tensor]:
    """The donor's tensors; for a network of grey pictures its first convolution as of colours that have one mean M and deviation S.

    These are the grey pictures' `moments`, the averages of the colours' means m and deviations s. With w S / s for the weights w of each
    colour, their sum gives what a grey picture in three equal channels would, but for a number for each filter: the sum of w (M - m) / s.
    Where there is a bias it takes that up; where there is none, or at the border, whose zeros stand for other greys then, it is left.
    """
    names = {_bare(name): name for name in donor.tensors}
    first = _ends(network)[0]
    name, bias = (names.get(_bare(f"{first}.{part}"), "") for part in ("weight", "bias"))
    own, offered = network.get_parameter(f"{first}.weight"), donor.tensors.get(name)
    if offered is None or own.shape[1] != 1 or offered.shape != (len(own), COLOURS, *own.shape[2:]):
        return donor.tensors
    mean, std = (torch.tensor(list(values), dtype=torch.float64).view(1, -1, 1, 1) for values in (donor.mean, donor.std))
    weight = offered.double() * (std.mean() / std)
    shift = (weight * (mean.mean() - mean) / std.mean()).sum((1, 2, 3))
    fitted = {name: weight, bias: donor.tensors[bias] + shift} if bias else {name: weight}
    return {**donor.tensors, **{one: tensor.to(donor.tensors[one].dtype) for one, tensor in fitted.items()}}


def unfit(tensors: Mapping[str, Tensor], network: nn.Module) -> set[str]:
    """The names of a network's tensors that none of these fits, whatever the classes; shapes are enough."""
    return {name for name, why in _fit(tensors, network).items() if isinstance(why, str)}


def _fit(tensors: Mapping[str, Tensor], network: nn.Module) -> dict[str, Tensor | Why]:
    """For every tensor of the network the one of these in its shape, or why there is none: a norm behind a layer that stays as it was
    drawn has never seen what that makes."""
    theirs = {_bare(name): tensor for name, tensor in tensors.items()}
    first = _ends(network)[0]
    fitted = {name: _fitted(theirs.get(_bare(name)), own, name == f"{first}.weight") for name, own in network.state_dict().items()}
    drawn = False
    for name, module in network.named_modules():
        if isinstance(module, WEIGHTED):
            drawn = isinstance(fitted[f"{name}.weight"], str)
        elif drawn and isinstance(module, NORMS):
            fitted |= {f"{name}.{part}": "reads_drawn" for part in module.state_dict() if f"{name}.{part}" in fitted}
    return fitted


def _share(own: Mapping[str, Tensor], taken: Mapping[str, Tensor]) -> float:
    """What part of all numbers in matrices and filters was taken."""
    sizes = {name: tensor.numel() for name, tensor in own.items() if tensor.ndim > 1}
    return sum(size for name, size in sizes.items() if name in taken) / sum(sizes.values())


def _bare(name: str) -> str:
    return name.removeprefix(PREFIX)


def _ends(network: nn.Module) -> tuple[str, str]:
    """The names of the first convolution and of the last layer that has weights."""
    layers = [(name, layer) for name, layer in network.named_modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    return next(name for name, layer in layers if isinstance(layer, nn.Conv2d)), layers[-1][0]


def _fitted(offered: Tensor | None, own: Tensor, first: bool) -> Tensor | Why:
    """The offered tensor in the shape of the network's own, or why not."""
    if offered is None:
        return "missing"
    if first and offered.ndim == own.ndim and {offered.shape[1], own.shape[1]} == {1, COLOURS}:
        offered = offered.sum(1, keepdim=True) if own.shape[1] == 1 else offered.expand(-1, COLOURS, -1, -1) / COLOURS
    alike = offered.shape == own.shape and offered.dtype.is_floating_point == own.dtype.is_floating_point
    return offered if alike else "shape"


def _spread(values: Tensor, channels: int) -> Tensor:
    """So many values of one, or one of many."""
    return values if len(values) == channels else values.mean().expand(channels)
