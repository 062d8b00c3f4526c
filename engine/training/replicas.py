"""A batch in parts, each computed by a thread of its own over the same weights. Knows no loop.

The operations of a small network are too short to be shared by threads, which would wait for each other at every one of them; with half
a batch each they meet once a step.
"""

import copy
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from typing import TypeVar

import torch
from torch import nn

from engine.models.dropout import Dropout
from engine.models.stochastic_depth import StochasticDepth
from engine.training.randomness import derive

In = TypeVar("In")
Out = TypeVar("Out")


class Replica:
    """The network over the run's own weights, with gradients and random draws of its own. That of rank 0 is the run's network itself."""

    def __init__(self, model: nn.Module, rank: int, device: str, alone: bool) -> None:
        self.rank = rank
        self.model = _over_same_weights(model) if rank else model
        self._dropout = torch.Generator(device)
        for module in self.model.modules():
            if isinstance(module, Dropout | StochasticDepth):
                module.generator = None if alone else self._dropout

    def seed(self, *place: int) -> None:
        """Where its next step's dropout comes from; one that is alone draws from torch's own generator."""
        self._dropout.manual_seed(derive(*place, self.rank))

    def add_gradients(self, other: "Replica") -> None:
        """Add the other's to its own, and forget those."""
        for mine, its in zip(self.model.parameters(), other.model.parameters(), strict=True):
            if mine.grad is not None and its.grad is not None:  # a small batch has fewer parts than there are replicas
                mine.grad.add_(its.grad)
                its.grad = None


def replicas(model: nn.Module, count: int, device: str) -> list[Replica]:
    """So many over the weights of `model`."""
    return [Replica(model, rank, device, alone=count == 1) for rank in range(count)]


def _over_same_weights(model: nn.Module) -> nn.Module:
    """A twin whose parameters and buffers lie where those of the model do, so that whatever is loaded into the model reaches both."""
    twin = copy.deepcopy(model).train()
    for kind in (nn.Module.parameters, nn.Module.buffers):
        for own, shared in zip(kind(twin), kind(model), strict=True):
            own.data = shared.data
    return twin


def side_by_side(work: Callable[[In], Out], items: Iterable[In]) -> list[Out]:
    """What `work` makes of each, in order: of the first in this thread, of every other in a thread of its own. Raises the first error."""
    first, *others = items
    if not others:
        return [work(first)]
    promised = [_pool(len(others)).submit(work, item) for item in others]
    try:
        done = [work(first)]
    finally:
        wait(promised)
    return done + [result.result() for result in promised]


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="replica")
