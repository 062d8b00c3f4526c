"""A series as one blob: six columns of numbers, one behind the other, little-endian. Knows no table.

Values are float64, so that what was acknowledged comes back bit for bit; NaN stands for a value that is not finite.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_KINDS = {"seq": "<i8", "step": "<i8", "epoch": "<i4", "attempt": "<i4", "value": "<f8", "time": "<f8"}
# Bytes of one point.
POINT = sum(np.dtype(kind).itemsize for kind in _KINDS.values())


class Columns(NamedTuple):
    """The points of one series, in order of `seq`; each `(N,)`."""

    seq: NDArray[np.int64]
    step: NDArray[np.int64]
    epoch: NDArray[np.int32]
    attempt: NDArray[np.int32]
    value: NDArray[np.float64]
    time: NDArray[np.float64]

    def where(self, mask: Any) -> "Columns":
        """Some of the points: by a mask, a slice or positions."""
        return Columns(*(column[mask] for column in self))

    @property
    def values(self) -> list[float | None]:
        """None where a value is not finite."""
        return [None if value != value else value for value in self.value.tolist()]  # noqa: PLR0124  NaN is not itself


def columns(points: Sequence[Sequence[Any]]) -> Columns:
    """From rows (seq, step, epoch, attempt, value, time)."""
    return Columns(*(np.array(column, kind) for column, kind in zip(zip(*points, strict=True), _KINDS.values(), strict=True)))


def joined(parts: Sequence[Columns]) -> Columns:
    """Parts of one series as one, in order of `seq`."""
    if len(parts) == 1:
        return parts[0]
    whole = Columns(*(np.concatenate(each) for each in zip(*parts, strict=True)))
    return whole if (whole.seq[1:] > whole.seq[:-1]).all() else whole.where(np.argsort(whole.seq, kind="stable"))


def packed(points: Columns) -> bytes:
    """The blob."""
    return b"".join(np.asarray(column, kind).tobytes() for column, kind in zip(points, _KINDS.values(), strict=True))


def unpacked(blob: bytes) -> Columns:
    """The points; they share the blob's memory. Raises ValueError when it is no blob of whole points."""
    count, rest = divmod(len(blob), POINT)
    if rest:
        raise ValueError(f"expected a multiple of {POINT} bytes, got {len(blob)}")
    found, offset = [], 0
    for kind in _KINDS.values():
        found.append(np.frombuffer(blob, kind, count, offset))
        offset += count * np.dtype(kind).itemsize
    return Columns(*found)
