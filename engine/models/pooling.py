"""Bilinear pooling: how pairs of features answer together, over all places of a map. Knows no network and no data.

Everything here computes in float32 at least, also where autocast is on: torch has no Fourier transform of bf16, and sums of products of
8 bits lose what pooling is for.
"""

import torch
from torch import Tensor, nn

# Added under the square root, so that its slope at 0 is 316 and not infinite; and to the squared length that a vector is divided by.
LEAST, LEAST_SQUARE = 1e-5, 1e-12
# Added to the mean square of products, which features of 0.001 make 1e-12: for a row of zeros, whose gradient it bounds.
LEAST_PRODUCTS = 1e-16


class BilinearPooling(nn.Module):
    """All products of two features (Lin et al. 2015, "Bilinear CNN models for fine-grained visual recognition"): `size` is C * C.

    Finds classes that differ in small marks wherever these lie; costs a last layer of C * C weights for each class.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.size = channels**2

    def made_of_one(self, places: int) -> int:
        """Numbers that it makes of a picture's map of so many places; it holds a few copies of them at once."""
        return self.size

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C * C), each row of length 1."""
        with _exact(maps):
            return evened(outer_product(at_least_float32(maps).flatten(2)))


class CompactBilinearPooling(nn.Module):
    """The same products summed into `size` numbers by hashes (Gao et al. 2016, "Compact bilinear pooling", algorithm 2).

    The inner product of two such vectors is that of the full ones plus noise that shrinks as 1/sqrt(size); 8,192 lose next to nothing
    of 512 * 512. The hashes are drawn once, from torch's generator, and kept with the weights.
    """

    buckets: Tensor
    signs: Tensor

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("buckets", torch.randint(size, (2, channels)))
        self.register_buffer("signs", torch.randint(2, (2, channels)).mul(2).sub(1).float())

    def made_of_one(self, places: int) -> int:
        """Numbers that it makes of a picture's map of so many places: a sketch of each."""
        return self.size * places

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, size), each row of length 1."""
        with _exact(maps):
            places = at_least_float32(maps).flatten(2)
            return evened(tensor_sketch(places, self.buckets, self.signs, self.size))


def outer_product(places: Tensor) -> Tensor:
    """Features (N, C, P) at P places -> (N, C * C): the mean over the places of each vector's products with itself."""
    return torch.bmm(places, places.transpose(1, 2)).flatten(1) / places.shape[2]


def tensor_sketch(places: Tensor, buckets: Tensor, signs: Tensor, size: int) -> Tensor:
    """Features (N, C, P) at P places -> (N, size): the mean over the places of each vector's Tensor Sketch.

    Pham & Pagh 2013, "Fast and scalable polynomial kernels via explicit feature maps", for degree 2: the product of features a and b is
    added, times both their signs, at (bucket of a + bucket of b) modulo `size`. That is the circular convolution of two count sketches,
    so a product of their Fourier transforms; the places are averaged there, which leaves one transform back for each picture.
    `buckets` int64 and `signs` of 1 or -1 are (2, C).
    """
    count, channels, places_each = places.shape
    vectors = places.transpose(1, 2).reshape(-1, channels)
    one, other = (
        torch.fft.rfft(count_sketch(vectors, bucket, sign, size)) for bucket, sign in zip(buckets, signs.to(places.dtype), strict=True)
    )
    return torch.fft.irfft((one * other).view(count, places_each, -1).mean(1), n=size)


def count_sketch(vectors: Tensor, buckets: Tensor, signs: Tensor, size: int) -> Tensor:
    """(M, C) -> (M, size): each feature, times its sign, added at its bucket. Its gradient only gathers, so it is deterministic too."""
    return vectors.new_zeros(len(vectors), size).index_add_(1, buckets, vectors * signs)


def evened(products: Tensor) -> Tensor:
    """Products (N, D) -> their signed roots in rows of length 1, the same for features of any size from 0.001 to 1e8.

    Each row is first divided by its root mean square, since what `signed_root` adds is small beside numbers around 1 alone.
    """
    mean_square = products.square().mean(1, keepdim=True)
    return unit_length(signed_root(products / (mean_square + LEAST_PRODUCTS).sqrt()))


def signed_root(values: Tensor) -> Tensor:
    """sign(x) sqrt(|x|), so that a few strong pairs do not drown the rest; here x / sqrt(|x| + 1e-5), for x with a mean square of 1.

    The two differ by less than 0.001 anywhere. The slope of the first is infinite at 0, where ReLU puts most products, and times the 0
    behind it no number at all; that of the second is smooth and at most 316.
    """
    return values / (values.abs() + LEAST).sqrt()


def unit_length(rows: Tensor) -> Tensor:
    """Each row divided by its length; a row of zeros stays one, with a finite gradient."""
    return rows / (rows.square().sum(1, keepdim=True) + LEAST_SQUARE).sqrt()


def at_least_float32(maps: Tensor) -> Tensor:
    """Lower precisions are lifted; float64 stays."""
    return maps.to(torch.promote_types(maps.dtype, torch.float32))


def _exact(maps: Tensor) -> torch.autocast:
    return torch.autocast("cpu" if maps.is_meta else maps.device.type, enabled=False)
