"""Named places where a test may make things go wrong. Without `$ATHANOR_FAULTS` every one of them does nothing.

`ATHANOR_FAULTS="checkpoint.before_rename=kill@3"`: at the third passage of this process, end it as `kill -9` does. Several are
separated by `;`. The deeds: `kill`, `full` (the disk is full), `raise`, `sleep:SECONDS`. With `~FILE` behind it, it happens from that
passage on whenever FILE exists, and once: FILE is taken away. `wait~FILE` waits for as long as FILE exists.
"""

import errno
import os
import time
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

VARIABLE = "ATHANOR_FAULTS"
KILLED = 9  # the signal; only engine.jobs knows signals
LOOK = 0.01


@dataclass(frozen=True)
class Fault:
    """What goes wrong at a point: the deed, at which passage, and the file that arms it."""

    point: str
    deed: str
    passage: int
    armed_by: Path | None

    def due(self, passages: int) -> bool:
        """Whether it happens at this passage; disarms it."""
        if self.armed_by is None:
            return passages == self.passage
        if passages < self.passage or self.deed == "wait":
            return passages >= self.passage
        try:
            self.armed_by.unlink()
        except FileNotFoundError:
            return False
        return True

    def do(self) -> None:
        if self.deed == "kill":
            os.kill(os.getpid(), KILLED)
        elif self.deed == "full":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self.point)
        elif self.deed == "raise":
            raise Provoked(self.point)
        elif self.deed == "wait":
            while self.armed_by is not None and self.armed_by.exists():
                time.sleep(LOOK)
        else:
            time.sleep(float(self.deed.removeprefix("sleep:")))


class Provoked(RuntimeError):
    """What `raise` raises."""


_passages: Counter[str] = Counter()


def point(name: str) -> None:
    """A place where something may go wrong."""
    here = _faults().get(name, [])
    if here:
        _passages[name] += 1
    for fault in here:
        if fault.due(_passages[name]):
            fault.do()


@cache
def _faults() -> dict[str, list[Fault]]:
    found: dict[str, list[Fault]] = {}
    for text in filter(None, os.environ.get(VARIABLE, "").split(";")):
        fault = _read(text)
        found.setdefault(fault.point, []).append(fault)
    return found


def _read(text: str) -> Fault:
    name, _, rest = text.partition("=")
    rest, _, file = rest.partition("~")
    deed, _, passage = rest.partition("@")
    return Fault(name, deed, int(passage or 1), Path(file) if file else None)
