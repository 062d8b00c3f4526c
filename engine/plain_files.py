"""Plain files where others may have put something else: no link is followed, no pipe waited for, no device read.

A run's folder may come from a stranger. Knows nothing of what the files hold.
"""

import errno
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader, BufferedWriter
from pathlib import Path
from typing import Any, BinaryIO

# Windows has neither, and neither named pipes in folders.
_CAREFUL = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
# What opening so says of links, of pipes without a reader and sockets, of folders.
_NOT_PLAIN = (errno.ELOOP, errno.ENXIO, errno.EISDIR)


class NotPlain(OSError):
    """A link, a pipe, a folder, a device, or larger than any file of its kind."""


def open_plain(path: Path) -> BufferedReader:
    """A file to read. Raises NotPlain and other OSErrors."""
    return os.fdopen(_descriptor(path, os.O_RDONLY), "rb")


def append_plain(path: Path) -> BufferedWriter:
    """A file to write at its end, made when it is missing. Raises NotPlain and other OSErrors."""
    return os.fdopen(_descriptor(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT), "ab")


def _descriptor(path: Path, flags: int) -> int:
    try:
        found = os.open(path, flags | _CAREFUL, 0o666)
    except OSError as error:
        raise _not_plain(path) if error.errno in _NOT_PLAIN else error from error
    if not stat.S_ISREG(os.fstat(found).st_mode):
        os.close(found)
        raise _not_plain(path)
    return found


def read_plain(path: Path, limit: int) -> bytes:
    """All of a file of at most `limit` bytes, however it grows meanwhile. Raises NotPlain and other OSErrors."""
    with open_plain(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > limit:
            raise NotPlain(errno.EFBIG, f"expected at most {limit} bytes, got {size}", str(path))
        return file.read(size)


def read_json(content: bytes, most_parts: int) -> Any:
    """JSON of others, of at most so many lists and objects, with four values each on average. Raises ValueError.

    An empty list takes 64 bytes of memory for 2 of the text, an object 230 for 7; strings take what they have, and may be long.
    """
    parts, values = content.count(b"[") + content.count(b"{"), content.count(b",")
    if parts > most_parts or values > 4 * most_parts:
        raise ValueError(f"expected at most {most_parts} lists and objects, got {parts} with {values} values")
    try:
        return json.loads(content)
    except RecursionError as error:
        raise ValueError("too deep") from error


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A new file, to read and write, that takes the place of `path` at the end: after a crash there is the old one or the new one."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        beside.unlink(missing_ok=True)  # a link there would lead the writing elsewhere
        with beside.open("xb+") as file:
            yield file
            sync(file)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    _sync_folder(path.parent)


def sync(file: BinaryIO) -> None:
    """On the disk when this returns."""
    file.flush()
    os.fsync(file.fileno())


def is_plain(path: Path) -> bool:
    """Whether a plain file lies there."""
    return stat.S_ISREG(_mode(path))


def is_folder(path: Path) -> bool:
    """Whether a folder itself lies there, not a link to one."""
    return stat.S_ISDIR(_mode(path))


def all_plain(folder: Path) -> bool:
    """Whether there is nothing but plain files and folders, all the way down. Raises OSError when it cannot be looked at."""
    waiting = [folder]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(Path(entry.path))
                elif not entry.is_file(follow_symlinks=False):
                    return False
    return True


def _mode(path: Path) -> int:
    try:
        return path.lstat().st_mode
    except OSError:
        return 0


def _not_plain(path: Path) -> NotPlain:
    return NotPlain(errno.EINVAL, "no plain file", str(path))


def _sync_folder(folder: Path) -> None:
    """So that the rename outlives a power cut. Windows has no such thing."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
