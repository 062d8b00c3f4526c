"""Files written whole or not at all, and read only when they are plain files. Knows nothing of what they hold."""

import os
import stat
from pathlib import Path
from typing import BinaryIO

from engine import faults

# Opening a pipe must not wait for its writer; where a system has no such flags, the look at the open file must do.
_CAREFUL = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def open_plain(path: Path) -> BinaryIO:
    """A plain file, open for reading. Raises OSError, also for a link, a pipe, a device and a folder."""
    descriptor = os.open(path, _CAREFUL)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(f"{path} is no plain file")
    return os.fdopen(descriptor, "rb")


def read_plain(path: Path, most: int) -> bytes:
    """All of a plain file. Raises OSError as `open_plain` does, and when it is longer than `most` bytes."""
    with open_plain(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(f"{path} has more than {most} bytes")
    return content


def write_whole(path: Path, content: bytes) -> None:
    """Write beside, fsync, rename, fsync the folder: after a crash there is the old file or the new one. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with beside.open("wb") as file:
            faults.point("files.midway")
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        faults.point("files.before_rename")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    """So that the rename outlives a power cut. Windows has no such thing."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
