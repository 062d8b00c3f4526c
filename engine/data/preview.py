"""A strip of training pictures as the network sees them: at its resolution, augmented. Knows no network."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.config.run import RunConfig
from engine.data.augment import augment
from engine.data.dataset import Dataset
from engine.data.split import split
from engine.data.tiles import png, tiled, to_bytes

# Pictures in a strip, and white pixels between two.
COUNT, GAP = 8, 2


@dataclass(frozen=True)
class Strip:
    """`png`: the pictures side by side, not enlarged, `gap` pixels between them; `labels`: their classes' names."""

    png: bytes
    labels: list[str]
    resolution: int
    channels: int
    gap: int = GAP


def strip(config: RunConfig, dataset: Dataset, index: int = 0) -> Strip:
    """The strip number `index`: other pictures and other draws for each, the same ones every time for equal seeds."""
    chosen = pick(split(dataset, config.data).train, config.budget.seed, index)
    pictures = torch.from_numpy(dataset.images[chosen]).float().div_(255)
    generator = torch.Generator().manual_seed((config.budget.seed * 2**20 + index) % 2**63)
    pictures, _ = augment(config.augmentation, pictures, torch.from_numpy(dataset.labels[chosen]), generator)
    labels = [dataset.classes[label] for label in dataset.labels[chosen]]
    return Strip(_png(pictures), labels, config.data.resolution, pictures.shape[1])


def pick(train: np.ndarray, seed: int, index: int) -> np.ndarray:
    """Eight of the training part, in an order drawn from the seed; fewer where it has fewer. From the end on to the front again."""
    order = np.random.default_rng(seed).permutation(train)
    count = min(COUNT, len(order))
    return order[np.arange(index * count, (index + 1) * count) % len(order)]


def _png(pictures: Tensor) -> bytes:
    """Pictures (N, C, R, R) in [0, 1] as one row."""
    return png(tiled(to_bytes(pictures), len(pictures), GAP))
