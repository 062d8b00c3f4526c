"""What a dataset is: before decoding (`Source`, `Contents`) and after (`Dataset`).

Knows no file formats and no split; plain arrays and names.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np


class Progress(Protocol):
    """Told how far reading a dataset is; `total` 0 is not known."""

    def __call__(self, what: Literal["download", "decode", "weights"], done: int, total: int) -> None: ...  # bytes; pictures; bytes


@dataclass(frozen=True)
class Skipped:
    """A picture left out. `path` is relative to the tree; `reason` is a key of the string catalogue."""

    path: str
    reason: str


@dataclass(frozen=True)
class Contents:
    """The undecoded pictures of a source: files, or uint8 arrays (H, W) or (H, W, 3).

    `names` (N,) say where each came from, `labels` int64 (N,), `official_test` bool (N,).
    """

    items: Sequence[Path | np.ndarray]
    names: Sequence[str]
    labels: np.ndarray
    official_test: np.ndarray
    classes: tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """Where pictures come from. `identity` changes when the content does and is cheap; `read` may be slow."""

    name: str
    identity: str
    read: Callable[[], Contents]


@dataclass(frozen=True)
class Dataset:
    """Decoded pictures, all square and of one size.

    `images` uint8 (N, C, R, R), memory-mapped copy-on-write; C is 1 when all pictures are grey, else 3. `labels` int64 (N,),
    `official_test` bool (N,), `keys` uint64 (N,): a hash of each picture's pixels before resizing, so that the same picture has
    the same key at every resolution. `kin` uint64 (N,): equal for near twins too, of a picture without any its key; None: not looked for,
    since every picture is too small to tell. `sums` int64 (N, 2, C): what the pixels of each picture and their squares add up to; None:
    not taken yet.
    """

    name: str
    images: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    official_test: np.ndarray
    keys: np.ndarray
    skipped: tuple[Skipped, ...]
    kin: np.ndarray | None = None
    sums: np.ndarray | None = None
