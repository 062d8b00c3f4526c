"""What the pixels of single pictures add up to, so that any choice of pictures has its mean and deviation without reading one of them.

Whole numbers, so that neither order nor device matters. Knows no files and no split.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from engine.data.dataset import Dataset

LEAST_DEVIATION = 1e-3  # of pictures that are all alike


def of_picture(picture: np.ndarray) -> np.ndarray:
    """int64 (1, 2, C): per channel of a picture uint8 (C, R, R) the sum of its pixels and of their squares."""
    pixels = picture.reshape(len(picture), -1).astype(np.int64)
    return np.stack([pixels.sum(1), np.einsum("ij,ij->i", pixels, pixels)])[None]


def together(sums: Sequence[np.ndarray], channels: int) -> np.ndarray:
    """Sums (n, 2, C) of several as int64 (N, 2, channels), where those of grey pictures stand for three equal channels."""
    wide = [one if one.shape[2] == channels else np.repeat(one, channels, axis=2) for one in sums]
    return np.concatenate([np.empty((0, 2, channels), dtype=np.int64), *wide])


def moments(dataset: Dataset, chosen: np.ndarray) -> tuple[Tensor, Tensor]:
    """Mean and deviation per channel of the chosen pictures, (1, C, 1, 1) float32, of pixels in [0, 1]."""
    sums = np.concatenate([of_picture(dataset.images[index]) for index in chosen]) if dataset.sums is None else dataset.sums[chosen]
    total, squares = torch.from_numpy(sums.sum(axis=0)).double() / (len(chosen) * dataset.images[0, 0].size)
    mean = total / 255
    std = (squares / 255**2 - mean**2).clamp(min=0).sqrt().clamp(min=LEAST_DEVIATION)
    return mean.float().view(1, -1, 1, 1), std.float().view(1, -1, 1, 1)
