"""Datasets for somebody who cannot wait for them: loaded in the background, taken when they have come.

Never downloads: that happens when a run is launched, not because a name stands in a form.
"""

import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from engine.config.data import DataConfig
from engine.data.dataset import Dataset
from engine.data.loading import load
from engine.data.sources import SOURCES
from engine.errors import DataError


class Late(DataError):
    """The pictures are not there yet, or not on this machine."""


class _Load(threading.Thread):
    """One dataset on its way; `found` or `error` when it has ended. Another process may hold its lock for long."""

    def __init__(self, config: DataConfig, roots: Sequence[Path], cache: Path) -> None:
        super().__init__(name=f"load {config.dataset}", daemon=True)
        self.config, self.roots, self.cache = config, roots, cache
        self.found: Dataset | None = None
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            self.found = load(self.config, self.roots, self.cache)
        except Exception as error:
            self.error = error


class Arrivals:
    """The datasets of these roots. One that comes late goes on coming, so the next who asks may find it."""

    def __init__(self, roots: Sequence[Path], cache: Path) -> None:
        self.roots = roots
        self.cache = cache
        self._coming: dict[tuple[str, int, str], _Load] = {}

    def within(self, seconds: float, config: DataConfig) -> Dataset:
        """The dataset as training loads it. Raises Late when it takes longer, and what `load` raises."""
        if not _lies_here(config.dataset, self.roots):
            raise Late("servant.not_downloaded", name=config.dataset)
        key = config.dataset, config.resolution, config.resize
        coming = self._coming.get(key)
        if coming is None:
            coming = self._coming[key] = _Load(config, self.roots, self.cache)
            coming.start()
        coming.join(seconds)
        if coming.is_alive():
            raise Late("servant.pictures_late", name=config.dataset)
        del self._coming[key]  # whoever asks next looks at the files anew
        if coming.found is None:
            raise coming.error or RuntimeError("nothing loaded")
        return coming.found

    def busy(self) -> int:
        """How many are on their way, taking time from everybody else."""
        return sum(coming.is_alive() for coming in self._coming.values())


def _lies_here(name: str, roots: Sequence[Path]) -> bool:
    """Whether the files of a published dataset are there, packed or not; of any other, True."""
    opener = SOURCES.get(name)
    if not isinstance(opener, partial):
        return True
    published = opener.args[0]
    folders = [root / published.folder for root in roots]
    return any(all((folder / file).is_file() or (folder / f"{file}.gz").is_file() for file in published.files) for folder in folders)
