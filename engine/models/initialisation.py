"""How weights start. Knows no architecture; draws from torch's global generator, which the caller seeds."""

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from engine.models.convolutions import Depthwise
from engine.models.layers import NORMS

Layer = nn.Conv2d | nn.Linear


def kaiming(model: nn.Module) -> None:
    """He et al. 2015, eq. 10 (fan in, gain sqrt(2)) for every convolution and linear layer; biases 0, norms 1 and 0.

    Fan in keeps the size of the signal from layer to layer whatever the width, so that a plain VGG-19 trains from the
    first step; torch's default (gain 1/sqrt(3)) shrinks it by 2.4 a layer, to 1e-6 after 16.
    """
    for layer in _layers(model):
        nonlinearity = "linear" if isinstance(layer, Depthwise) else "relu"
        nn.init.kaiming_normal_(layer.weight, mode="fan_in", nonlinearity=nonlinearity)  # type: ignore[arg-type]
    _plain_rest(model)


def xavier(model: nn.Module) -> None:
    """Glorot & Bengio 2010, eq. 12 in its normal form: variance 2 / (fan in + fan out), made for tanh; biases 0, norms 1 and 0.

    Behind a ReLU the signal shrinks by 1.4 a layer, to 0.004 after 16.
    """
    for layer in _layers(model):
        fan_in, groups = layer.weight[0].numel(), _groups(layer)
        fan_out = layer.weight.numel() // layer.weight.shape[1] // groups
        nn.init.normal_(layer.weight, std=math.sqrt(2 / (fan_in + fan_out)))
    _plain_rest(model)


def orthogonal(model: nn.Module) -> None:
    """Saxe et al. 2014: each layer, each group of a grouped one for itself, is a rotation, times sqrt(2) for the ReLU behind it."""
    for layer in _layers(model):
        _rotate(layer.weight, _groups(layer), 1.0 if isinstance(layer, Depthwise) else math.sqrt(2))
    _plain_rest(model)


def linear_head(layer: nn.Linear) -> None:
    """Draw the last layer with gain 1, for no ReLU follows it: logits start at the size of the features, not 1.4 x.

    torchvision's N(0, 0.01^2) suits 4096 inputs; at 64 it silences the gradient (VGG-19, width 0.125, 4 epochs of digits:
    87 % right with gain 1, 61 % with 0.01; means of 3 seeds).
    """
    nn.init.kaiming_normal_(layer.weight, nonlinearity="linear")


@torch.no_grad()
def initialise(model: nn.Module, name: str) -> None:
    """Draw all weights anew by this name; `default` leaves what the architecture's builder drew. The last layer has gain 1."""
    if name == "default":
        return
    INITIALISATIONS[name](model)
    *_, head = (layer for layer in _layers(model) if isinstance(layer, nn.Linear))
    if name != "xavier":  # whose gain is 1 everywhere
        head.weight.div_(math.sqrt(2))


def _layers(model: nn.Module) -> Iterator[Layer]:
    return (module for module in model.modules() if isinstance(module, Layer))


def _groups(layer: Layer) -> int:
    return layer.groups if isinstance(layer, nn.Conv2d) else 1


def _rotate(weight: Tensor, groups: int, gain: float) -> None:
    """Fill (out, in / groups, ...): in each group the rows, or the columns where they are fewer, are orthogonal and of length `gain`."""
    rows, columns = len(weight) // groups, weight[0].numel()
    drawn = torch.randn(groups, max(rows, columns), min(rows, columns), device=weight.device)
    turned, triangle = torch.linalg.qr(drawn)
    turned = turned * triangle.diagonal(dim1=-2, dim2=-1).sign().unsqueeze(-2)  # else not every rotation is as likely (Mezzadri 2007)
    weight.copy_(gain * (turned.mT if rows < columns else turned).reshape(weight.shape))


def _plain_rest(model: nn.Module) -> None:
    for module in model.modules():
        if isinstance(module, Layer) and module.bias is not None:
            nn.init.zeros_(module.bias)
        elif isinstance(module, NORMS):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)


INITIALISATIONS: dict[str, Callable[[nn.Module], None]] = {"kaiming": kaiming, "xavier": xavier, "orthogonal": orthogonal}
