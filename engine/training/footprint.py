"""Memory: the peak of a piece of work, and what is free. Knows no network.

On the CPU the kernel's own high-water mark of this process, which it lets us reset; where it does not, a thread that looks.
"""

import ctypes
import gc
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
import torch

MARK = Path("/proc/self/clear_refs")
STATUS = Path("/proc/self/status")
# Says `reset the high-water mark` (proc_pid_clear_refs(5)).
RESET = "5"
# Seconds between two looks where the kernel does not tell.
LOOK = 0.002
# What a container may use, and uses: version 2 and version 1 of control groups.
LIMITS = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"), Path("/sys/fs/cgroup/memory/memory.usage_in_bytes")),
)
# Left alone of what is free: the system, other programs, what the measurement did not see.
RESERVE_SHARE, RESERVE_LEAST = 0.05, 512 * 2**20


class Peak:
    """`with Peak(device) as peak: work()`: afterwards `peak.bytes` is by how much memory grew at most. Freed memory is given back first."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.bytes = 0

    def __enter__(self) -> Self:
        gc.collect(1)  # what the last piece of work left; all generations would take half a second
        if self.device != "cpu":
            torch.cuda.synchronize()
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
            self._before = torch.cuda.memory_allocated()
            return self
        _trim()
        self._before = psutil.Process().memory_info().rss
        self._watcher = None if _reset_mark() else _Watcher()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.device != "cpu":
            torch.cuda.synchronize()
            peak = torch.cuda.max_memory_allocated()
        else:
            peak = _mark() if self._watcher is None else self._watcher.end()
        self.bytes = max(0, peak - self._before)


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
        available, total = min([memory.available, *_left_in_group()]), memory.total
    return max(0, available - max(RESERVE_LEAST, int(total * RESERVE_SHARE)))


def _left_in_group() -> list[int]:
    """What the limit of this container leaves, where there is one."""
    found = [(_number(limit), _number(used)) for limit, used in LIMITS]
    return [max(0, limit - used) for limit, used in found if limit is not None and used is not None]


def _number(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (OSError, ValueError):  # none here, or `max`
        return None
