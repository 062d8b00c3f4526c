"""One growing .npy file of squares: grey until the first colour picture comes, then three channels throughout.

Knows nothing of where pictures come from. Never holds more than a block in memory.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.lib import format as npy

from engine.data.decode import with_channels

BLOCK = 1024  # pictures copied at a time when the sheet turns from grey to colour


class Sheet:
    """Writes uint8 (N, C, R, R) without knowing N and C beforehand; `close` makes the file readable by `np.load`."""

    def __init__(self, path: Path, resolution: int) -> None:
        self.path = path
        self.resolution = resolution
        self.count = 0
        self.channels = 1
        self._file = self._created()
        self._write_header()

    @property
    def shape(self) -> tuple[int, int, int, int]:
        return (self.count, self.channels, self.resolution, self.resolution)

    def append(self, pictures: Sequence[np.ndarray]) -> None:
        """Adds squares (1 or 3, R, R) in order."""
        if self.channels == 1 and any(len(picture) == 3 for picture in pictures):
            self._widen()
        for picture in pictures:
            self._file.write(with_channels(picture, self.channels).tobytes())
        self.count += len(pictures)

    def close(self) -> None:
        """Completes the header and waits until the disk has it all."""
        self._write_header()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def abandon(self) -> None:
        """Gives the file up as it is; harmless after `close`."""
        self._file.close()

    def _write_header(self) -> None:
        """numpy pads a header so that its first axis may grow in place; the length never changes."""
        self._file.seek(0)
        npy.write_array_header_1_0(self._file, {"shape": self.shape, "fortran_order": False, "descr": "|u1"})

    def _widen(self) -> None:
        """Starts the file anew in three channels; the grey one lives on, without a name, while it is copied."""
        self._write_header()
        self._file.close()
        grey = np.load(self.path, mmap_mode="r") if self.count else np.empty(0)
        self.path.unlink()
        self.channels = 3
        self._file = self._created()
        self._write_header()
        for start in range(0, self.count, BLOCK):
            self._file.write(np.repeat(grey[start : start + BLOCK], 3, axis=1).tobytes())

    def _created(self) -> BinaryIO:
        return self.path.open("w+b")
