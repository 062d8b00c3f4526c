"""What a network does with a picture, operation by operation, found out without computing anything. Knows no architecture.

The network is called once on tensors that have shapes only, and every operation on the way is looked at: so those that are no modules
are seen, too, and nothing has to be told of a new architecture.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode

from engine.models.layers import weighted_layers
from engine.models.pooling import BilinearPooling, CompactBilinearPooling

# Dimensions of a batch of maps (N, C, H, W); what has fewer has no places any more.
MAPS = 4


@dataclass(frozen=True)
class Layer:
    """An operation that costs something, or makes places out of several.

    `number` as `weighted_layers` counts, None where that counts nothing; `name` of the module that does it, empty for the network
    itself; `kind` one of those at the end of this file, `kernel` and `stride` in places of its input; `shape` of the output for one
    picture, (C, H, W) or (features,); `parameters` with those of the norms after it; `flops` as `flop_counter` counts them; `field` the
    side, in pixels of the picture, of the square that one output depends on.
    """

    number: int | None
    name: str
    kind: str
    kernel: int
    stride: int
    shape: tuple[int, ...]
    parameters: int
    flops: int
    field: int


@dataclass(frozen=True)
class Window:
    """How an operation goes over a map."""

    kind: str
    kernel: int = 1
    stride: int = 1
    dilation: int = 1


@dataclass(frozen=True)
class Sight:
    """What each place of a map sees of the picture: a square of `field` pixels, `jump` from its neighbour's; `side` places in a row."""

    field: int
    jump: int
    side: int

    def through(self, window: Window, side: int) -> "Sight":
        """After a window. Source: Araujo et al. 2019, "Computing Receptive Fields of Convolutional Neural Networks", eq. 2."""
        return Sight(self.field + window.dilation * (window.kernel - 1) * self.jump, self.jump * window.stride, side)

    def of_all(self) -> "Sight":
        """After all places have come together."""
        return Sight(self.field + (self.side - 1) * self.jump, self.jump, 1)


def flop_counter() -> FlopCounterMode:
    """Counts floating-point operations, a multiplication with its addition as two: torch's of convolutions and matrix products, and ours
    of what compact bilinear pooling does.

    From C features at P places to d numbers that is 4 C P for two count sketches of each place, and 2.5 d log2 d for each of 2 P Fourier
    transforms of these and for the one back: half of what FFTW counts for complex numbers (benchFFT), since these are real.
    """
    return FlopCounterMode(display=False, custom_mapping=SKETCHING)


@torch.no_grad()
def dissect(model: nn.Module, pictures: Tensor) -> list[Layer]:
    """The layers that a picture (1, C, R, R) goes through, by number; what has none follows the layer that was called before it.

    What only scales a map by a look at the whole of it (squeeze-excitation) does not widen the field of its places.
    """
    with flop_counter() as counter, Tracer(model.eval(), pictures, counter) as tracer:
        model(pictures)
    return tracer.layers()


class Tracer(TorchFunctionMode):
    """Looks at every operation of a network: who calls it, what it costs, what its output sees of the picture."""

    def __init__(self, model: nn.Module, pictures: Tensor, counter: FlopCounterMode) -> None:
        super().__init__()
        self.counter, self.side = counter, pictures.shape[-1]
        self.numbers = {name: number for number, (name, _) in enumerate(weighted_layers(model), 1)}
        # The modules at work, and how much had been found before each.
        self.callers: list[str] = []
        self.begun: list[int] = []
        self.found: list[Layer] = []
        # Where each of them stands: behind the highest number so far, unless it has one.
        self.places: list[int] = []
        self.before = 1
        self.unclaimed = {id(weight): weight.numel() for weight in model.parameters()}
        # Numbers of parameters by layer number; of what has none by its place in `found`, below zero.
        self.claimed: Counter[int] = Counter()
        # The tensor is kept with what it sees, so that its id is given to no other.
        self.sights = {id(pictures): (pictures, Sight(1, 1, self.side))}
        self.hooks = [
            hook
            for name, module in model.named_modules()
            for hook in (module.register_forward_pre_hook(partial(self._enter, name)), module.register_forward_hook(self._leave))
        ]

    def __exit__(self, *raised: Any) -> None:
        super().__exit__(*raised)
        for hook in self.hooks:
            hook.remove()

    def layers(self) -> list[Layer]:
        """What was found. A layer that is called twice has its parameters at the first call."""
        order = sorted(range(len(self.found)), key=lambda at: (self.places[at], self.found[at].number is None, at))
        return [replace(self.found[at], parameters=self.claimed.pop(self._owner(at), 0)) for at in order]

    def __torch_function__(self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        named: Mapping[str, Any] = kwargs or {}
        so_far = self.counter.get_total_flops()
        out = func(*args, **named)
        made = list(_tensors(out))
        if made and self.callers:
            read = WINDOWS.get(getattr(func, "__name__", ""))
            self._look(read and read(*args, **named), list(_tensors([args, named])), made, self.counter.get_total_flops() - so_far)
        return out

    def _look(self, window: Window | None, given: list[Tensor], made: list[Tensor], flops: int) -> None:
        """Take note of one operation."""
        seen = self._seen(given)
        sees = _after(window, seen, made[0])
        self.sights |= {id(tensor): (tensor, sees) for tensor in made}
        owner = self.numbers.get(self.callers[-1], self.before)
        if flops or (window is not None and (window.kernel > 1 or sees.side < seen.side)):
            self._note(window or Window("product"), made[0], flops, sees)
            owner = self._owner(len(self.found) - 1)
        for tensor in given:
            self.claimed[owner] += self.unclaimed.pop(id(tensor), 0)

    def _note(self, window: Window, made: Tensor, flops: int, sees: Sight) -> None:
        name = self.callers[-1]
        number = self.numbers.get(name)
        self.before = number or self.before
        self.places.append(number or max(self.places, default=0))
        field = min(sees.field, self.side)
        self.found.append(Layer(number, name, window.kind, window.kernel, window.stride, _shape(window, made), 0, flops, field))

    def _merge(self, begun: int, kind: str, made: Tensor) -> None:
        """Make one layer of all that has been found since."""
        flops = sum(layer.flops for layer in self.found[begun:])
        del self.found[begun:], self.places[begun:]
        self._note(Window(kind), made, flops, self.sights[id(made)][1])

    def _owner(self, at: int) -> int:
        return self.found[at].number or -1 - at

    def _seen(self, given: Iterable[Tensor]) -> Sight:
        """What inputs see together: those with the largest map, which the others only scale."""
        sights = [self.sights[id(tensor)][1] for tensor in given if id(tensor) in self.sights] or [Sight(1, 1, 1)]
        side = max(sight.side for sight in sights)
        largest = [sight for sight in sights if sight.side == side]
        return Sight(max(sight.field for sight in largest), max(sight.jump for sight in largest), side)

    def _enter(self, name: str, *_: Any) -> None:
        self.callers.append(name)
        self.begun.append(len(self.found))

    def _leave(self, module: nn.Module, _: Any, made: Any) -> None:
        begun = self.begun.pop()
        if type(module) in POOLINGS:
            self._merge(begun, POOLINGS[type(module)], made)
        self.callers.pop()


def _after(window: Window | None, seen: Sight, made: Tensor) -> Sight:
    """What the output of an operation sees."""
    if made.ndim < MAPS or (window is not None and window.kind in WHOLE and made.shape[-1] == 1):
        return seen.of_all()
    return seen if window is None or window.kind not in SLIDING else seen.through(window, made.shape[-1])


def _shape(window: Window, made: Tensor) -> tuple[int, ...]:
    """Of an output for one picture. A fully connected layer over the places of a map has its features last: they are told first."""
    shape = tuple(made.shape[1:])
    return (*shape[-1:], *shape[:-1]) if window.kind == "linear" else shape


def _tensors(values: Any) -> Iterator[Tensor]:
    """The tensors among arguments or results."""
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, list | tuple):
        yield from (tensor for value in values for tensor in _tensors(value))
    elif isinstance(values, Mapping):
        yield from _tensors(list(values.values()))


def _last(size: int | Sequence[int]) -> int:
    """Of a height and a width the width."""
    return size if isinstance(size, int) else size[-1]


def _convolution(*given: Any, **named: Any) -> Window:
    said = {"stride": 1, "dilation": 1, "groups": 1} | dict(zip(CONVOLUTION, given, strict=False)) | named
    groups = said["groups"]
    kind = "conv" if groups == 1 else "depthwise" if groups == said["input"].shape[1] else "grouped"
    return Window(kind, said["weight"].shape[-1], _last(said["stride"]), _last(said["dilation"]))


def _pool(kind: str, maps: Tensor, kernel_size: Any, stride: Any = None, *_: Any, dilation: Any = 1, **__: Any) -> Window:
    return Window(kind, _last(kernel_size), _last(stride or kernel_size), _last(dilation))


def _adaptive(kind: str, maps: Tensor, output_size: Any) -> Window:
    """Windows of equal sizes, or where the map is no multiple, the largest of them."""
    side, wanted = maps.shape[-1], _last(output_size)
    return Window(kind, -(-side // wanted) + (side % wanted > 0), side // wanted)


def _plain(kind: str, *_: Any, **__: Any) -> Window:
    return Window(kind)


def _transform(real: Sequence[int], dim: Sequence[int]) -> int:
    """Operations of a Fourier transform, there or back, of real numbers of this shape."""
    return round(2.5 * math.prod(real) * math.log2(real[dim[-1]]))


# What torch's own counter passes over, by torch's names of what is called in the end: arguments (tensors as shapes) -> operations.
SKETCHING: dict[Any, Callable[..., int]] = {
    torch.ops.aten.index_add_: lambda sketch, dim, buckets, added, **_: 2 * math.prod(added),
    torch.ops.aten._fft_r2c: lambda real, dim, *_, **__: _transform(real, dim),
    torch.ops.aten._fft_c2r: lambda spectrum, dim, *_, out_shape, **__: _transform(out_shape, dim),
}
# Modules that are one layer, whatever they call: in them the places of a map come together.
POOLINGS: dict[type[nn.Module], str] = {BilinearPooling: "bilinear", CompactBilinearPooling: "compact_bilinear"}
# The arguments of a convolution in torch's order.
CONVOLUTION = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
SLIDING = ("conv", "depthwise", "grouped", "max_pool", "avg_pool")
# Places come together where these are taken over the whole map.
WHOLE = ("mean", "max")
# How a function of torch, called by its name, reads its arguments as a window. What has none of these names and works is a `product`.
WINDOWS: dict[str, Callable[..., Window]] = {
    "conv2d": _convolution,
    "linear": partial(_plain, "linear"),
    "max_pool2d": partial(_pool, "max_pool"),
    "avg_pool2d": partial(_pool, "avg_pool"),
    "adaptive_avg_pool2d": partial(_adaptive, "avg_pool"),
    "adaptive_max_pool2d": partial(_adaptive, "max_pool"),
    "mean": partial(_plain, "mean"),
    "amax": partial(_plain, "max"),
}
