"""Memory: the peak of a piece of work, what is free, and what is known to be too much. Knows no network.

On the CPU the kernel's own high-water mark of this process, which it lets us reset; where it does not, a thread that looks.
"""

import ctypes
import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import psutil
import torch

from engine.config.run import RunConfig
from engine.errors import DataError
from engine.strings import figures

MARK = Path("/proc/self/clear_refs")
STATUS = Path("/proc/self/status")
# Says `reset the high-water mark` (proc_pid_clear_refs(5)).
RESET = "5"
# Seconds between two looks where the kernel does not tell.
LOOK = 0.002


class Group(NamedTuple):
    """Where the kernel tells what a container may use and uses, and which line of `stat` says how much of that it takes back when asked:
    the files in its cache that nobody has used lately."""

    limit: Path
    used: Path
    stat: Path
    cached: str


# Version 2 and version 1 of control groups.
V2, V1 = Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/memory")
GROUPS = (
    Group(V2 / "memory.max", V2 / "memory.current", V2 / "memory.stat", "inactive_file"),
    Group(V1 / "memory.limit_in_bytes", V1 / "memory.usage_in_bytes", V1 / "memory.stat", "total_inactive_file"),
)
# Left alone of what is free: the system, other programs, what the measurement did not see.
RESERVE_SHARE, RESERVE_LEAST = 0.05, 512 * 2**20
# Bytes of a weight.
WEIGHT = 4


class Peak:
    """`with Peak(device) as peak: work()`: afterwards `peak.bytes` is by how much memory grew at most. Freed memory is given back first."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.bytes = 0
        self._watcher: _Watcher | None = None

    def __enter__(self) -> Self:
        gc.collect(1)  # what the last piece of work left; all generations would take half a second
        if self.device != "cpu":
            torch.cuda.synchronize()
            torch.cuda.empty_cache()
        else:
            _trim()
        self._before = self._now()
        self._begin()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._end()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """What is done inside is not part of the work: neither its peak nor what it leaves behind counts."""
        self._end()
        before = self._now()
        try:
            yield
        finally:
            self._before += self._now() - before
            self._begin()

    def _now(self) -> int:
        return psutil.Process().memory_info().rss if self.device == "cpu" else torch.cuda.memory_allocated()

    def _begin(self) -> None:
        if self.device != "cpu":
            torch.cuda.reset_peak_memory_stats()
        elif not _reset_mark():
            self._watcher = _Watcher()

    def _end(self) -> None:
        if self.device != "cpu":
            torch.cuda.synchronize()
            peak = torch.cuda.max_memory_allocated()
        else:
            peak = _mark() if self._watcher is None else self._watcher.end()
        self.bytes = max(self.bytes, peak - self._before)


class _Watcher:
    """Looks at the size of this process again and again."""

    def __init__(self) -> None:
        self._highest = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory", daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        process = psutil.Process()
        while True:
            self._highest = max(self._highest, process.memory_info().rss)
            if self._done.wait(LOOK):
                return

    def end(self) -> int:
        self._done.set()
        self._thread.join()
        return self._highest


def _trim() -> None:
    """Give freed memory back to the system; else work that reuses it would seem to need none. Only glibc keeps it and has this."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _reset_mark() -> bool:
    try:
        MARK.write_text(RESET)
    except OSError:
        return False
    return True


def _mark() -> int:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def free(device: str) -> int:
    """Bytes that a run may take now: what is available less a reserve."""
    if device != "cpu":
        available, total = torch.cuda.mem_get_info()
        available += torch.cuda.memory_reserved() - torch.cuda.memory_allocated()
    else:
        memory = psutil.virtual_memory()
        groups = [left for group in GROUPS if (left := _left_in(group)) is not None]
        available, total = (min(sizes) for sizes in zip((memory.available, memory.total), *groups, strict=True))
    return max(0, available - max(RESERVE_LEAST, int(total * RESERVE_SHARE)))


def _left_in(group: Group) -> tuple[int, int] | None:
    """What the limit of this container leaves, and the limit, where there is one."""
    try:
        limit, used = int(group.limit.read_text()), int(group.used.read_text())
        told = dict(line.split() for line in group.stat.read_text().splitlines())
    except (OSError, ValueError):  # none here, or `max`
        return None
    return max(0, limit - used + int(told.get(group.cached, 0))), limit


def require_room(config: RunConfig, classes: int, free: int) -> None:
    """Raises DataError when the last layer behind bilinear pooling, with its gradient, takes more than so many free bytes.

    Known before anything is built: 1,280 channels and 1,000 classes make 1.6 thousand million weights.
    """
    needed = 2 * WEIGHT * config.model.products * classes
    if config.model.pooling == "bilinear" and needed > free:
        fields = {"products": f"{config.model.products:,}", "classes": classes, "needed": figures.size(needed), "free": figures.size(free)}
        raise DataError("data.too_many_products", **fields)
