"""Augmentation: pure functions of a batch, one draw per picture, on the pictures' device, without waiting for it.

Each takes float32 pictures (N, C, H, W) in [0, 1], labels (N,), a generator on the same device and a strength, zero being off.
Knows nothing of datasets; forms take the strengths from `engine.catalog`.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from engine.config.augmentation import AugmentationConfig
from engine.data.pixels import unit

Pair = tuple[Tensor, Tensor]


def crop(images: Tensor, labels: Tensor, generator: Generator, strength: float) -> Pair:
    """Shifts by up to strength * H pixels (at least one) in each direction; the rim is reflected.

    Zeros would draw an edge of their own, which betrays the shift and darkens the batch.
    """
    return _moved(images, generator, strength, 0.0), labels


def flip(images: Tensor, labels: Tensor, generator: Generator, strength: float) -> Pair:
    """Mirrors left and right with probability `strength`."""
    return _moved(images, generator, 0.0, strength), labels


def _moved(images: Tensor, generator: Generator, shift: float, mirror: float) -> Tensor:
    """Shifted, then mirrored: one gather, no padded copy. On bytes 0.39 ms for a batch of 128 x 1 x 32 x 32, on floats 0.48 ms."""
    count, channels, height, width = images.shape
    rows = _shifted(count, height, shift, generator) if shift else None
    columns = _shifted(count, width, shift, generator)
    if mirror:
        mirrored = torch.rand((count, 1), generator=generator, device=images.device) < mirror
        columns = torch.where(mirrored, columns.flip(1), columns)
    if rows is None:
        return images.gather(3, columns[:, None, None, :].expand(images.shape)) if mirror else images
    flat = (rows[:, :, None] * width + columns[:, None, :]).view(count, 1, -1).expand(-1, channels, -1)
    return images.reshape(count, channels, -1).gather(2, flat).view(images.shape)


def _shifted(count: int, side: int, strength: float, generator: Generator) -> Tensor:
    """Pixel positions (count, side), shifted per picture and reflected at both ends."""
    position = torch.arange(side, device=generator.device).expand(count, side)
    if not strength:
        return position
    reach = min(max(1, round(strength * side)), side - 1)
    position = (position + torch.randint(-reach, reach + 1, (count, 1), generator=generator, device=generator.device)).abs()
    return (side - 1) - (side - 1 - position).abs()


def rotation(images: Tensor, labels: Tensor, generator: Generator, strength: float) -> Pair:
    """Turns by an angle uniform in ±strength degrees about the centre; bilinear, the corners reflected as in `crop`."""
    if not strength:
        return images, labels
    angle = _uniform(images, generator, -strength, strength).flatten() * (math.pi / 180)
    cosine, sine, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
    ratio = images.shape[2] / images.shape[3]
    turn = torch.stack([cosine, -sine * ratio, zero, sine / ratio, cosine, zero], dim=1).view(-1, 2, 3)
    grid = F.affine_grid(turn, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="reflection", align_corners=False), labels


def colour_jitter(images: Tensor, labels: Tensor, generator: Generator, strength: float) -> Pair:
    """Brightness b, contrast c, saturation s, each uniform in 1 ± strength; one channel has no saturation. Clamped to [0, 1].

    As in torchvision's ColorJitter, in this order, but clamped once at the end: x' = s c b x + (1 - s) c b g + (1 - c) b m,
    g the pixel's grey, m the picture's mean grey.
    """
    if not strength:
        return images, labels
    brightness, contrast, saturation = (_uniform(images, generator, 1 - strength, 1 + strength) for _ in range(3))
    grey = _grey(images)
    gain, offset = contrast * brightness, (1 - contrast) * brightness * grey.mean((1, 2, 3), keepdim=True)
    if images.shape[1] == 1:
        return torch.addcmul(offset, images, gain).clamp_(0, 1), labels
    return torch.addcmul(torch.addcmul(offset, grey, (1 - saturation) * gain), images, saturation * gain).clamp_(0, 1), labels


def _grey(images: Tensor) -> Tensor:
    """Luma (N, 1, H, W), ITU-R 601, as Pillow and torchvision have it."""
    if images.shape[1] == 1:
        return images
    red, green, blue = images.split(1, dim=1)
    return 0.299 * red + 0.587 * green + 0.114 * blue


def _uniform(images: Tensor, generator: Generator, low: float, high: float) -> Tensor:
    """One draw per picture, (N, 1, 1, 1)."""
    draws = torch.rand((len(images), 1, 1, 1), generator=generator, device=images.device, dtype=images.dtype)
    return low + (high - low) * draws


def augment(config: AugmentationConfig, images: Tensor, labels: Tensor, generator: Generator) -> Pair:
    """Applies the augmentations the config switches on, in the order of AUGMENTATIONS; uint8 pictures become float32 in [0, 1].

    Crop and flip only move pixels: they are done in one, while the pictures are still bytes.
    """
    images = unit(_moved(images, generator, config.crop, config.flip))
    for name, vary in AUGMENTATIONS.items():
        if name not in MOVES:
            images, labels = vary(images, labels, generator, getattr(config, name))
    return images, labels


MOVES = ("crop", "flip")
AUGMENTATIONS: dict[str, Callable[[Tensor, Tensor, Generator, float], Pair]] = {
    "crop": crop,
    "flip": flip,
    "rotation": rotation,
    "colour_jitter": colour_jitter,
}
