"""Small datasets in the layout in which the real ones are published."""

import gzip
import struct
from pathlib import Path

import numpy as np


def idx_file(path: Path, array: np.ndarray, packed: bool) -> None:
    data = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    Path(f"{path}.gz" if packed else path).write_bytes(gzip.compress(data) if packed else data)


def small_fashion(root: Path, packed: bool = False, train: int = 60) -> Path:
    rng = np.random.default_rng(0)
    for part, count in (("train", train), ("t10k", 20)):
        images = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        idx_file(root / f"FashionMNIST/raw/{part}-images-idx3-ubyte", images, packed)
        idx_file(root / f"FashionMNIST/raw/{part}-labels-idx1-ubyte", np.arange(count, dtype=np.uint8) % 10, packed)
    return root
