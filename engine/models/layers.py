"""The layers of a network that have weights, and their numbers. Knows no architecture."""

from torch import nn

WEIGHTED = (nn.Conv2d, nn.Linear)
NORMS = (nn.BatchNorm2d, nn.LayerNorm)


def weighted_layers(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """Every convolution and fully connected layer with its name in the network, in order of definition; the first is number 1.

    Norms and biases have no number: they belong to the layer before them.
    """
    return [(name, module) for name, module in model.named_modules() if isinstance(module, WEIGHTED)]


def count(model: nn.Module) -> int:
    """How many layers have weights."""
    return len(weighted_layers(model))
