"""How networks made for 224 px take in small pictures, of one channel or three. Knows no network.

As published they divide a picture by 32. A small one is divided by 8, so that of 32 px a map of 4x4 is left: the first layer and
the first that halves the maps keep every pixel, as in the usual variants for CIFAR.
"""

from torch import nn

# From here on a picture has pixels to spare.
LARGE_PICTURE = 64


def stem(published: nn.Conv2d, channels: int, large: bool) -> nn.Conv2d:
    """The first convolution for so many channels: of large pictures the published one, of small ones 3x3 with stride 1."""
    kernel, stride, padding = (published.kernel_size, published.stride, published.padding) if large else (3, 1, 1)
    bias = published.bias is not None
    return nn.Conv2d(channels, published.out_channels, kernel, stride, padding, bias=bias)  # type: ignore[arg-type]
