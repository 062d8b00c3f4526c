"""What the frozen layers of a network make of every picture, computed once: a source of which only the layers behind are asked.

Knows no plan. Worth it only while nothing varies: neither the pictures nor the layers before.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from engine.models.freezing import until
from engine.training.evaluation import chunk_size
from engine.training.numerics import Numerics
from engine.training.source import Source

# Bytes of features that are kept. A fixed number, so that a resumed run decides as it did before.
MOST = 2**31


class Features:
    """The training and the validation part behind the frozen layers, on the device. It is a `Source`; no test part is touched."""

    def __init__(self, network: nn.Module, end: nn.Sequential, data: Source, numerics: Numerics) -> None:
        self.validation, self.probe, self.labels = data.validation, data.probe, data.labels
        self._data, self._numerics, self._network = data, numerics, network
        self._reach = until(network, end)
        self._parts = (data.order(0).sort().values, data.validation)
        self._rows = torch.zeros(len(data.labels), dtype=torch.int64, device=data.labels.device)
        self._kept = torch.empty(0)

    @property
    def pictures_in_all(self) -> int:
        return sum(map(len, self._parts))

    def size(self, pictures: int) -> int:
        """Bytes that those of so many pictures take. Tries it on one picture."""
        return self._made(self._parts[0][:1]).nbytes * pictures

    def fit(self, pictures: int) -> bool:
        """Whether those of so many pictures are no more than may be kept."""
        return self.size(pictures) <= MOST

    def fill(self) -> Iterator[int]:
        """Compute them; yields how many pictures are done."""
        one = self._made(self._parts[0][:1])
        self._kept = one.new_empty(self.pictures_in_all, *one.shape[1:])
        pixels = math.prod(self._data.pictures(self._parts[0][:1]).shape[-2:])
        chunk, done = chunk_size(self._numerics.device, self._network, pixels), 0
        for part in self._parts:
            for indices in part.split(chunk):
                self._kept[done : done + len(indices)] = self._made(indices)
                self._rows[indices] = torch.arange(done, done + len(indices), device=self._rows.device)
                done += len(indices)
                yield done

    @torch.no_grad()
    def _made(self, indices: Tensor) -> Tensor:
        training = self._network.training
        self._network.eval()
        pictures = self._numerics.place_batch(self._data.normalise(self._data.pictures(indices)))
        with self._numerics.autocast():
            made = self._reach(pictures)
        self._network.train(training)
        return made

    def order(self, seed: int) -> Tensor:
        return self._data.order(seed)

    def pictures(self, indices: Tensor) -> Tensor:
        """What was made of these (n, ...)."""
        return self._kept.index_select(0, self._rows[indices])

    def normalise(self, pictures: Tensor) -> Tensor:
        """As they are: the pictures were normalised before."""
        return pictures
