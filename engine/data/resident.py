"""The dataset on a device: pictures, labels and the parts as tensors, and batches made from them without a loader.

Knows nothing of files, augmentation or the loop.
"""

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
import torch
from torch import Tensor

from engine.data.dataset import Dataset
from engine.data.pixels import unit
from engine.data.split import Split, rank
from engine.data.sums import moments

PROBE = 2000  # pictures; the training accuracy of an epoch is measured on these


@dataclass(frozen=True)
class Resident:
    """`images` uint8 (N, C, R, R), `labels` int64 (N,) and the index tensors int64 lie on one device; `keys` uint64 (N,) on the host.

    `probe` is a fixed part of `train`, mixed like it. `mean` and `std` (1, C, 1, 1) are of the training pictures in [0, 1], or what
    came with the weights that a run begins with.
    """

    images: Tensor
    labels: Tensor
    train: Tensor
    validation: Tensor
    test: Tensor
    probe: Tensor
    mean: Tensor
    std: Tensor
    classes: tuple[str, ...]
    keys: np.ndarray

    @classmethod
    def load(cls, dataset: Dataset, parts: Split, device: torch.device | str) -> Self:
        """Labels and indices go to the device, the pictures where `place` puts them."""
        images = cls.place(torch.from_numpy(dataset.images), device)
        labels = torch.from_numpy(dataset.labels).to(device)
        indices = {name: torch.from_numpy(part).to(device) for name, part in vars(parts).items()}
        probe = torch.from_numpy(probe_of(dataset, parts)).to(device)
        mean, std = (moment.to(device) for moment in moments(dataset, parts.train))
        return cls(images, labels, probe=probe, mean=mean, std=std, classes=dataset.classes, keys=dataset.keys, **indices)

    @staticmethod
    def place(images: Tensor, device: torch.device | str) -> Tensor:
        """All of them on the device; on the CPU they stay memory-mapped."""
        return images.to(device)

    @property
    def channels(self) -> int:
        return self.images.shape[1]

    def fingerprint(self) -> str:
        """A hash of pictures, labels and split: a resumed run must find what it left."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        """Reckoned once, not for every checkpoint: of a million pictures it takes 35 ms, and on a GPU a wait."""
        parts = (part.cpu().numpy() for part in (self.train, self.validation, self.test))
        return fingerprint(self.keys, self.labels.cpu().numpy(), *parts)

    def order(self, seed: int) -> Tensor:
        """A permutation of `train` (n,), drawn on the CPU so that it is the same on every device."""
        generator = torch.Generator().manual_seed(seed)
        return self.train[torch.randperm(len(self.train), generator=generator).to(self.train.device)]

    def pictures(self, indices: Tensor) -> Tensor:
        """The pictures (n, C, R, R) as uint8."""
        return self.images.index_select(0, indices)

    def normalised_by(self, mean: Tensor, std: Tensor) -> Self:
        """The same, with a mean and deviation (1, C, 1, 1) that are not the training part's: those that weights were trained with."""
        return replace(self, mean=mean.to(self.mean.device), std=std.to(self.std.device))

    def normalise(self, pictures: Tensor) -> Tensor:
        """Pictures (n, C, R, R), uint8 or float32 in [0, 1], less the mean, over the deviation: of the training part 0 and 1."""
        return torch.sub(unit(pictures), self.mean).div_(self.std)


def fingerprint(keys: np.ndarray, labels: np.ndarray, *parts: np.ndarray) -> str:
    """A hash of the pictures' keys, the labels and the indices of training, validation and test."""
    digest = hashlib.sha256(keys.tobytes())
    for part in (labels, *parts):
        digest.update(part.tobytes())
    return digest.hexdigest()


def probe_of(dataset: Dataset, parts: Split) -> np.ndarray:
    """At most 2,000 training pictures, no more than validation has, of each class its share; sorted int64 indices.

    So both sides of the gap are asked about the same mixture, whose chance level is that of the training pictures.
    """
    order = np.lexsort((rank(dataset.keys[parts.train]), dataset.labels[parts.train]))
    count = min(len(order), len(parts.validation), PROBE)
    return np.sort(parts.train[order[((np.arange(count) + 0.5) * len(order) / max(count, 1)).astype(int)]])
