"""Training pictures as the network sees them: at its resolution, augmented; in a strip, or beside what they were. Knows no network."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.config.augmentation import AugmentationConfig
from engine.config.look import Look
from engine.data.augment import AUGMENTATIONS, augment
from engine.data.dataset import Dataset
from engine.data.split import split
from engine.data.tiles import Layout, sheet

# Tiles of a strip, in two rows that fill a column of 238 px at two pixels to one.
COUNT, COLUMNS, STRIP = 8, 4, Layout(side=113, gap=8, radius=12)
# Pictures whose draws are shown, draws of each.
SHOWN, DRAWS, DRAWN = 6, 8, Layout(side=100, gap=8, lead=16)


@dataclass(frozen=True)
class Sheet:
    """`png`: the tiles; `labels`: their classes' names; `augmentations`: the names of those that were at work."""

    png: bytes
    labels: list[str]
    resolution: int
    channels: int
    augmentations: list[str]


def strip(look: Look, dataset: Dataset, index: int = 0) -> Sheet:
    """The strip number `index`: other pictures and other draws for each, the same ones every time for equal seeds."""
    chosen = pick(split(dataset, look.data).train, look.seed, index, COUNT)
    return _sheet(look, dataset, chosen, sheet(as_bytes(_drawn(look, dataset, chosen, index)), COLUMNS, STRIP))


def draws(look: Look, dataset: Dataset, index: int = 0) -> Sheet:
    """A row for each of a few training pictures: first as it is, then as it was drawn `DRAWS` times."""
    chosen = pick(split(dataset, look.data).train, look.seed, index, SHOWN)
    varied = as_bytes(_drawn(look, dataset, np.repeat(chosen, DRAWS), index))
    rows = np.concatenate([dataset.images[chosen][:, None], varied.reshape(len(chosen), DRAWS, *varied.shape[1:])], axis=1)
    return _sheet(look, dataset, chosen, sheet(rows.reshape(-1, *varied.shape[1:]), DRAWS + 1, DRAWN))


def pick(train: np.ndarray, seed: int, index: int, count: int) -> np.ndarray:
    """So many of the training part, in an order drawn from the seed; fewer where it has fewer. From the end on to the front again."""
    order = np.random.default_rng(seed).permutation(train)
    count = min(count, len(order))
    return order[np.arange(index * count, (index + 1) * count) % len(order)]


def at_work(config: AugmentationConfig) -> list[str]:
    """The augmentations that are switched on."""
    return [name for name in AUGMENTATIONS if getattr(config, name)]


def _drawn(look: Look, dataset: Dataset, chosen: np.ndarray, index: int) -> Tensor:
    pictures = torch.from_numpy(dataset.images[chosen])
    generator = torch.Generator().manual_seed((look.seed * 2**20 + index) % 2**63)
    return augment(look.augmentation, pictures, torch.from_numpy(dataset.labels[chosen]), generator)[0]


def as_bytes(pictures: Tensor) -> np.ndarray:
    """Pictures (N, C, R, R) in [0, 1] as uint8."""
    return pictures.clamp(0, 1).mul(255).round().byte().numpy()


def _sheet(look: Look, dataset: Dataset, chosen: np.ndarray, png: bytes) -> Sheet:
    labels = [dataset.classes[label] for label in dataset.labels[chosen]]
    return Sheet(png, labels, look.data.resolution, dataset.images.shape[1], at_work(look.augmentation))
