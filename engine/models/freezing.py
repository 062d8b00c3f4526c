"""Which layers of a network learn, at what share of the rate, and where the frozen part ends. Knows no plan and no loop.

Layers are numbered as in `layers.py`; what stands between two of them belongs to the one before, and what a block of several holds
itself, as the scale of what it adds to its skip connection, to its last. A network whose own parameters stand before its first layer
says so by `HOLDS_FIRST`.
"""

from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from engine.models.layers import WEIGHTED, count


def numbered(network: nn.Module) -> Iterator[tuple[nn.Module, int]]:
    """Every module with the number of the layer that it is or belongs to; 0: it stands before the first."""
    number = 0
    for module in network.modules():
        number += isinstance(module, WEIGHTED)
        within = 0 if isinstance(module, WEIGHTED) or hasattr(module, "HOLDS_FIRST") else count(module)
        yield module, number + within


def freeze(network: nn.Module, frozen: int, norms: bool = False) -> None:
    """Let the first `frozen` layers neither learn nor vary, and all others learn; with `norms` no batch norm does either.

    What is frozen answers as in evaluation. A dropout between it and the first layer that learns stays at work: it is there for that one.
    """
    for module, number in numbered(network):
        still = number <= frozen if frozen else False
        fixed = still or (norms and isinstance(module, _BatchNorm))
        for parameter in module.parameters(recurse=False):
            parameter.requires_grad_(not fixed)
        if fixed and not (number == frozen and isinstance(module, nn.Dropout)):
            module.training = False


def shares(network: nn.Module, frozen: int, first: float) -> dict[nn.Parameter, float]:
    """The share of the rate at which each parameter learns: `first` of it in layer `frozen` + 1, all of it in the last one."""
    last = count(network)
    between = max(last - frozen - 1, 1)
    found: dict[nn.Parameter, float] = {}
    for module, number in numbered(network):
        below = last - max(number, frozen + 1)
        found |= {parameter: first ** (below / between) for parameter in module.parameters(recurse=False)}
    return found


def tail(network: nn.Module, frozen: int) -> nn.Sequential | None:
    """What comes after the first `frozen` layers: the end of the network's last part, which reads what the frozen ones made.

    None where they end further inside, as in a block with a skip connection: its end needs more than one input.
    """
    part = list(network.children())[-1]
    chain = list(part) if isinstance(part, nn.Sequential) else [part]
    before = count(network) - sum(map(count, chain))
    begin = 0
    for place, module in enumerate(chain):
        before += count(module)
        if before <= frozen and count(module):
            begin = place + 1
    learning = sum(map(count, chain[begin:]))
    return nn.Sequential(*chain[begin:]) if 0 < learning == count(network) - frozen else None


class _Reached(Exception):  # no error: what a module is given is all that was wanted
    def __init__(self, given: Tensor) -> None:
        super().__init__()
        self.given = given


def until(network: nn.Module, end: nn.Sequential) -> Callable[[Tensor], Tensor]:
    """The network up to its tail: pictures (N, C, R, R) -> what the tail is given (N, ...)."""

    def stop(module: nn.Module, given: tuple[Any, ...]) -> None:
        raise _Reached(given[0])

    def reach(pictures: Tensor) -> Tensor:
        handle = end[0].register_forward_pre_hook(stop)
        try:
            network(pictures)
        except _Reached as reached:
            return reached.given
        finally:
            handle.remove()
        raise AssertionError("the network did not come to its own end")

    return reach
