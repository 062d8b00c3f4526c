"""The ways a convolution may be made cheaper: smaller, in groups, or depthwise separable. Knows no network."""

from torch import nn

from engine.config.model import ModelConfig

# A quarter of the weights and of the work. Nothing is exchanged between the groups: they meet in the head alone.
GROUPS = 4


class Depthwise(nn.Conv2d):
    """One filter for each channel, no ReLU behind it."""

    def __init__(self, channels: int, kernel: int, padding: int) -> None:
        super().__init__(channels, channels, kernel, padding=padding, groups=channels, bias=False)


def convolution(config: ModelConfig, channels: int, out: int, place: int) -> list[nn.Module]:
    """The layers of a network's convolution number `place`, counted from 0: (N, channels, S, S) -> (N, out, S, S).

    Number 0, which sees the one channel or three of the picture, is always full. A kernel of even side has its pixel more of padding
    above and to the left at even places, below and to the right at odd ones, so that the maps do not drift. Depthwise
    separable: a filter a channel, then 1x1 over all, without a ReLU between them (Chollet 2017, section 4.7).
    """
    kernel, kind = config.kernel, "full" if place == 0 else config.convolution
    padding = [] if kernel % 2 else [nn.ZeroPad2d((1, 0, 1, 0) if place % 2 == 0 else (0, 1, 0, 1))]
    side = kernel // 2 if kernel % 2 else 0
    if kind == "depthwise_separable":
        return [*padding, Depthwise(channels, kernel, side), nn.Conv2d(channels, out, 1)]
    return [*padding, nn.Conv2d(channels, out, kernel, padding=side, groups=GROUPS if kind == "grouped" else 1)]
