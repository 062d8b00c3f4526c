"""What reading by blocks costs: `python -m tests.benchmarks.blocks`. Prints images per second of a whole epoch, without any training.

Blocks and Resident serve every batch of an order from one memory map, noise of several windows in a temporary folder; `--cold` empties
the system's cache of the file before each epoch, as it is when the file is larger than memory.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from engine.data import blocks
from engine.data.blocks import Blocks
from engine.data.resident import Resident


def noise(file: Path, count: int, side: int) -> None:
    """So many colour pictures on the disk."""
    images = np.lib.format.open_memmap(file, "w+", np.uint8, (count, 3, side, side))
    draw = np.random.default_rng(0)
    for at in range(0, count, 500):
        images[at : at + 500] = draw.integers(0, 256, images[at : at + 500].shape, dtype=np.uint8)
    images.flush()


def forget(file: Path) -> None:
    """The system keeps nothing of the file that no process has mapped."""
    with file.open("rb") as opened:
        os.fsync(opened.fileno())
        os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def opened(kind: type[Resident], file: Path, device: str) -> Resident:
    """The file as a run holds it; nothing of it has been read yet."""
    images = torch.from_numpy(np.load(file, mmap_mode="c"))
    places, nothing = torch.arange(len(images), device=device), torch.empty(0, dtype=torch.int64, device=device)
    mean = std = torch.ones(1, 3, 1, 1, device=device)
    names, keys = tuple("0123456789"), np.arange(len(images), dtype=np.uint64)
    return kind(kind.place(images, device), places % 10, places, nothing, nothing, nothing, mean, std, names, keys)


def epoch(data: Resident, seed: int, batch: int) -> float:
    """Images per second of all batches of an order."""
    began, order = time.perf_counter(), data.order(seed)
    for indices in order.split(batch):
        data.pictures(indices)
    if order.is_cuda:
        torch.cuda.synchronize()
    return len(order) / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--windows", type=int, default=4, help="how many fill the file")
    parser.add_argument("--megabytes", type=int, default=64, help="of a window")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--cold", action="store_true")
    given = parser.parse_args()
    blocks.WINDOW = given.megabytes * 2**20
    count = given.windows * blocks.WINDOW // (3 * given.side**2)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "images.npy"
        noise(file, count, given.side)
        for number in range(given.rounds):
            for kind in (Resident, Blocks):
                if given.cold:
                    forget(file)
                rate = epoch(opened(kind, file, given.device), number, given.batch)
                print(f"{kind.__name__:<9} {rate:10,.0f} images/s   {rate * 3 * given.side**2 / 1e6:8,.0f} MB/s", flush=True)


if __name__ == "__main__":
    main()
