"""From a config to decoded pictures: the one door to a dataset.

Knows no device and no split.
"""

from collections.abc import Sequence
from pathlib import Path

from engine.config.data import DataConfig
from engine.data.cache import cached
from engine.data.dataset import Dataset, Progress
from engine.data.sources import open_source


def silent(what: str, done: int, total: int) -> None:
    """A progress that tells nobody."""


def load(config: DataConfig, roots: Sequence[Path], cache: Path, progress: Progress = silent) -> Dataset:
    """The dataset the config names, at its resolution: found under the roots, decoded once into `cache`.

    `progress` is told of downloaded bytes and decoded pictures, of nothing when the cache has them. Raises DataError.
    """
    return cached(open_source(config.dataset, roots, progress), config.resolution, config.resize, cache, progress)
