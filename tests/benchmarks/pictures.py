"""The pictures that the benchmarks train on: Fashion-MNIST where it lies beside the project, else noise of the same shape."""

import tempfile
from pathlib import Path

import numpy as np

from engine.config.data import DataConfig
from engine.data.dataset import Dataset
from engine.data.loading import load
from engine.data.resident import Resident
from engine.data.split import Split

SHARED = Path(__file__).parents[3] / "shared" / "data"
# The second part is for validation.
TRAIN, VALIDATION = 20_000, 4_000


def squares(side: int) -> tuple[np.ndarray, np.ndarray]:
    """Grey pictures uint8 (24,000, 1, side, side), decoded as every run decodes them, and their labels int64 of ten classes."""
    count = TRAIN + VALIDATION
    if not (SHARED / "FashionMNIST").is_dir():
        draw = np.random.default_rng(0)
        return draw.integers(0, 256, (count, 1, side, side), dtype=np.uint8), np.arange(count) % 10
    with tempfile.TemporaryDirectory() as cache:
        dataset = load(DataConfig(dataset="fashion_mnist", resolution=side), [SHARED], Path(cache))
        return np.array(dataset.images[:count]), dataset.labels[:count]


def resident(images: np.ndarray, labels: np.ndarray, validation: int = VALIDATION, device: str = "cpu") -> Resident:
    """The same pictures as a run holds them, the last ones for validation."""
    places, names = np.arange(len(labels)), tuple(map(str, range(10)))
    dataset = Dataset("bench", images, labels, names, np.zeros(len(labels), dtype=bool), places.astype(np.uint64), ())
    return Resident.load(dataset, Split(places[:-validation], places[-validation:], places[:0]), device)
