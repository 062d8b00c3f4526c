"""The disk budget of a data folder: what checkpoints and caches take, and a refusal before it is exceeded."""

import contextlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.errors import Refused
from engine.store import keeping, settings
from engine.store.connect import Store

GB = 10**9


@dataclass(frozen=True)
class Space:
    """Bytes taken and allowed."""

    checkpoints: int
    caches: int
    budget: int

    @property
    def used(self) -> int:
        """What is taken."""
        return self.checkpoints + self.caches

    @property
    def left(self) -> int:
        """May be negative: the budget can be set below what is taken already."""
        return self.budget - self.used


def space(store: Store) -> Space:
    """What the data folder takes now."""
    allowed = int(settings.get(store, settings.DISK_BUDGET) * GB)
    return Space(keeping.bytes_in_all(store), sum(size for _, size in sizes(store.home.cache)), allowed)


def sizes(folder: Path) -> Iterator[tuple[Path, int]]:
    """Every plain file under a folder and its bytes; follows no link, leaves out what another process removes meanwhile."""
    for place, _, names in os.walk(folder):
        for file in (Path(place, name) for name in names):
            with contextlib.suppress(OSError):
                seen = file.lstat()
                if stat.S_ISREG(seen.st_mode):
                    yield file, seen.st_size


def require_room(store: Store, wanted: int = 1) -> None:
    """Raises Refused when so many more bytes would exceed the budget."""
    now = space(store)
    if now.left < wanted:
        raise Refused("errors.disk_budget", wanted=_gb(wanted), left=_gb(max(now.left, 0)), budget=_gb(now.budget))


def _gb(count: int) -> str:
    return f"{count / GB:.2f}"
