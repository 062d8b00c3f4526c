"""Which pictures are for training, validation and test: a function of their content alone.

Knows no seed and no order of files, so runs that differ in either are paired on the same pictures.
"""

from dataclasses import dataclass

import numpy as np

from engine.config.data import DataConfig
from engine.data.dataset import Dataset
from engine.errors import DataError

TEST_SHARE = 0.15  # of each class, where the dataset has no official test part
TRAIN, VALIDATION, TEST, UNUSED = range(4)


@dataclass(frozen=True)
class Split:
    """Sorted int64 indices into the dataset; disjoint. They cover it all when `train_share` is 1."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


@dataclass(frozen=True)
class _Groups:
    """Pictures with one key, sorted by class and rank. `member` (N,) is each picture's group; `home` is the least label in it."""

    home: np.ndarray
    size: np.ndarray
    member: np.ndarray


def split(dataset: Dataset, config: DataConfig) -> Split:
    """Splits each class by the rank of its pictures; equal pictures stay together, and where `twins` is `near` those nearly equal.

    Test is the official part, else 15 % of each class; validation is `validation_share` of the rest; training is `train_share`
    of what then remains, a smaller share being part of a larger. Raises DataError when a class misses a part.
    """
    side = np.full(len(dataset.labels), TEST)
    official = bool(dataset.official_test.any())
    pool = np.flatnonzero(~dataset.official_test)
    keys = dataset.kin if config.twins == "near" and dataset.kin is not None else dataset.keys
    groups = _grouped(keys[pool], dataset.labels[pool])
    side[pool] = _sides(groups, config, 0.0 if official else TEST_SHARE)[groups.member]
    parts = [np.flatnonzero(side == part) for part in (TRAIN, VALIDATION, TEST)]
    _check(dataset, parts)
    return Split(*parts)


def rank(keys: np.ndarray) -> np.ndarray:
    """A fixed pseudo-random order of uint64 keys (the finaliser of splitmix64; Steele, Lea and Flood 2014). One to one."""
    mixed = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def _grouped(keys: np.ndarray, labels: np.ndarray) -> _Groups:
    unique, member, size = np.unique(keys, return_inverse=True, return_counts=True)
    home = np.full(len(unique), np.iinfo(np.int64).max)
    np.minimum.at(home, member, labels)
    order = np.lexsort((rank(unique), home))
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return _Groups(home[order], size[order], place[member])


def _sides(groups: _Groups, config: DataConfig, test_share: float) -> np.ndarray:
    """The part of each group, class by class: first test, then validation, then training, then what is left unused."""
    sides = np.full(len(groups.home), UNUSED)
    starts = np.flatnonzero(np.diff(groups.home, prepend=-1))
    for size, side in zip(np.split(groups.size, starts[1:]), np.split(sides, starts[1:]), strict=True):
        test = _taken(size, test_share, spare=2) if test_share else 0
        validation = test + _taken(size[test:], config.validation_share, spare=1)
        train = validation + _taken(size[validation:], config.train_share, spare=0)
        side[:test], side[test:validation], side[validation:train] = TEST, VALIDATION, TRAIN
    return sides


def _taken(size: np.ndarray, share: float, spare: int) -> int:
    """How many leading groups hold `share` of the pictures: at least one, and `spare` groups are left where there are as many."""
    target = max(1, int(share * size.sum() + 0.5))
    return max(min(int(np.searchsorted(np.cumsum(size), target)) + 1, len(size) - spare), min(1, len(size)))


def _check(dataset: Dataset, parts: list[np.ndarray]) -> None:
    for name, part in zip(("train", "validation", "test"), parts, strict=True):
        counts = np.bincount(dataset.labels[part], minlength=len(dataset.classes))
        if counts.min() == 0:
            lacking = int(counts.argmin())
            total = int((dataset.labels == lacking).sum())
            raise DataError("data.class_misses_part", class_name=dataset.classes[lacking], part=name, count=total)
