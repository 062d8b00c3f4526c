"""Reading a run's log: from the end, in blocks, never whole. Knows nothing of who writes it."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from engine.plain_files import open_plain

# Bytes read at once, and of one line at most.
BLOCK = 65536


def lines(file: IO[bytes], last: bool) -> Iterator[str]:
    """What is there, line by line; a line that is still being written waits unless this is the last look."""
    while line := file.readline(BLOCK):
        if not last and not line.endswith(b"\n") and len(line) < BLOCK:
            file.seek(-len(line), os.SEEK_CUR)
            return
        yield line.decode("utf-8", "replace")


def start_of_tail(file: IO[bytes], count: int) -> int:
    """Where the last `count` lines begin, found from the end in blocks, however long the file is."""
    end = file.seek(0, os.SEEK_END)
    if count == 0:
        return end
    place, left = max(end - 1, 0), count  # a line feed at the very end ends the last line and begins none
    while place > 0:
        size = min(BLOCK, place)
        place -= size
        file.seek(place)
        block, at = file.read(size), size
        while (at := block.rfind(b"\n", 0, at)) >= 0:
            left -= 1
            if left == 0:
                return place + at + 1
    return 0


def tail(path: Path, count: int, most: int) -> str:
    """The last `count` lines, of at most `most` bytes. Raises OSError, also for what is no plain file."""
    with open_plain(path) as file:
        file.seek(max(start_of_tail(file, count), file.seek(0, os.SEEK_END) - most))
        return "".join(lines(file, last=True))


def end(path: Path, most: int) -> bytes:
    """The last `most` bytes as they are. Raises OSError, also for what is no plain file."""
    with open_plain(path) as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - most))
        return file.read(most)
