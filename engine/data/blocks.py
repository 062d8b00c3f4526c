"""A dataset larger than memory, read from the disk a window at a time; to the loop it looks like one that lies on the device.

Knows nothing of who decides that it is too large. An order shuffles short blocks of neighbouring pictures, takes as many as fill a
window, and shuffles the pictures of a window among themselves.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from threading import Lock

import numpy as np
import torch
from torch import Tensor

from engine.data.resident import Resident

# Pictures that stay neighbours in an order: 4.8 MB at 224 px, read in one go. A tree's classes lie one behind the other on the disk,
# so the longer the blocks, the fewer classes a window holds.
BLOCK = 32
# Bytes of a window: 3,500 pictures of 224 px from a hundred blocks. Two are held at a time. A power of two, to which torch rounds up
# what it pins.
WINDOW = 2**29
# Bytes read before they are put in their places.
CHUNK = 2**23
# The stream of the order of the blocks, apart from that of the pictures in a window.
SHUFFLE_BLOCKS = 1

Load = Callable[[np.ndarray], Tensor]


@dataclass(frozen=True)
class Blocks(Resident):
    """`images` lie on the host, memory-mapped; labels and indices on the device. The present order's pictures come a window at a time.

    Any other pictures are read when they are asked for. With a training part that fits into one window, every bit is that of Resident.
    """

    _orders: dict[int, "_Order"] = field(default_factory=dict, init=False, repr=False, compare=False)

    @staticmethod
    def place(images: Tensor, device: torch.device | str) -> Tensor:
        """On the host, wherever the rest lies."""
        return images

    def order(self, seed: int) -> Tensor:
        """A permutation of `train` (n,), drawn on the CPU; asked again, the same tensor, whose slices are known by where they lie."""
        if seed not in self._orders:
            windows = shuffled(self.train.cpu().numpy(), seed, self.images[0].nbytes)
            self._orders.clear()
            self._orders[seed] = _Order(windows, self.labels.device, self._load)
        return self._orders[seed].indices

    def pictures(self, indices: Tensor) -> Tensor:
        """The pictures (n, C, R, R) as uint8, on the device, for which a slice of the present order does not wait."""
        for order in list(self._orders.values()):
            start = order.find(indices)
            if start is not None:
                parts = [self._moved(part) for part in order.parts(start, start + len(indices))]
                return parts[0] if len(parts) == 1 else torch.cat(parts)
        return self._moved(self._load(indices.cpu().numpy()))

    def _moved(self, pictures: Tensor) -> Tensor:
        return pictures.to(self.labels.device, non_blocking=True, copy=True)

    @property
    def _load(self) -> Load:
        return partial(read, self.images.numpy(), pinned=self.labels.is_cuda)


class _Order:
    """One order of the training part: its indices on the device, and the pictures of a window and the next in the host's memory."""

    def __init__(self, windows: list[np.ndarray], device: torch.device, load: Load) -> None:
        self.indices = torch.from_numpy(np.concatenate(windows)).to(device)
        self._windows = windows
        self._starts = np.cumsum([0, *map(len, windows)]).tolist()
        self._load = load
        self._held: dict[int, Future[Tensor]] = {}
        self._lock = Lock()
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="pictures")

    def find(self, indices: Tensor) -> int | None:
        """Where a slice of this order begins; None for any other indices. Told by where it lies: nothing waits for the device."""
        inside = indices.untyped_storage().data_ptr() == self.indices.untyped_storage().data_ptr()
        return int(indices.storage_offset()) if inside and len(indices) and indices.is_contiguous() else None

    def parts(self, start: int, stop: int) -> Iterator[Tensor]:
        """The pictures of these places (n, C, R, R), one part for each window that they lie in."""
        for number, (first, end) in enumerate(zip(self._starts, self._starts[1:], strict=False)):
            if first < stop and start < end:
                yield self._window(number)[max(start - first, 0) : stop - first]

    def _window(self, number: int) -> Tensor:
        """The pictures of a window; the next is read meanwhile, all others are let go."""
        near = range(number, min(number + 2, len(self._windows)))
        with self._lock:
            for other in self._held.keys() - set(near):
                del self._held[other]
            for wanted in near:
                if wanted not in self._held:
                    self._held[wanted] = self._reader.submit(partial(self._load, self._windows[wanted]))
            found = self._held[number]
        return found.result()


def shuffled(train: np.ndarray, seed: int, size: int) -> list[np.ndarray]:
    """The windows of an order of `train` (n,), sorted, whose pictures have `size` bytes each. One window alone is a full shuffle."""
    blocks = np.split(train, range(BLOCK, len(train), BLOCK))
    turn = np.random.default_rng((SHUFFLE_BLOCKS, seed)).permutation(len(blocks))
    count = max(1, WINDOW // (BLOCK * size))
    windows = [np.sort(np.concatenate([blocks[block] for block in some])) for some in np.split(turn, range(count, len(turn), count))]
    generator = torch.Generator().manual_seed(seed)
    return [window[torch.randperm(len(window), generator=generator).numpy()] for window in windows]


def read(images: np.ndarray, indices: np.ndarray, pinned: bool = False) -> Tensor:
    """The pictures (n, C, R, R) in the order asked for, in the host's memory; on the disk they are read from front to back."""
    found = torch.empty((len(indices), *images.shape[1:]), dtype=torch.uint8, pin_memory=pinned)
    places, by_disk = found.numpy(), np.argsort(indices)
    count = max(1, CHUNK // images[:1].nbytes)
    for chunk in np.split(by_disk, range(count, len(by_disk), count)):
        places[chunk] = images.take(indices[chunk], axis=0)  # numpy reads without the GIL and, unlike torch, on this thread alone
    return found
