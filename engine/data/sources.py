"""Which source a dataset's name stands for: a built-in by name, else a class-per-folder tree.

Knows how to open each; knows nothing of decoding and caching.
"""

from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from engine.data import plumage
from engine.data.dataset import Contents, Progress, Source
from engine.data.published import CIFAR_10, FASHION_MNIST, open_published
from engine.data.tree import open_tree
from engine.errors import DataError


def open_source(name: str, roots: Sequence[Path], progress: Progress) -> Source:
    """The source called `name`; `progress` is told of a download. Raises DataError with what is missing and what to do."""
    builder = SOURCES.get(name)
    return builder(roots, progress) if builder else open_tree(name, roots)


def _digits(_roots: Sequence[Path], _progress: Progress) -> Source:
    """scikit-learn's 1,797 scans of 8 x 8 pixels; they come with the package, so the roots do not matter."""
    return Source("digits", "digits 1", _read_digits)


def _read_digits() -> Contents:
    """From the package's file: importing the package takes 136 MB and a second, for 1,797 lines of numbers."""
    package = find_spec("sklearn")
    if package is None or not package.submodule_search_locations:
        raise DataError("data.no_digits")
    rows = np.loadtxt(Path(package.submodule_search_locations[0]) / "datasets" / "data" / "digits.csv.gz", delimiter=",", dtype=np.uint8)
    images = np.rint(rows[:, :64].reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    names = [str(index) for index in range(len(images))]
    return Contents(images, names, rows[:, 64].astype(np.int64), np.zeros(len(images), dtype=bool), tuple("0123456789"))


def _plumage(_roots: Sequence[Path], _progress: Progress) -> Source:
    """Birds drawn when they are first asked for."""
    return Source("plumage", plumage.IDENTITY, plumage.read)


SOURCES: dict[str, Callable[[Sequence[Path], Progress], Source]] = {
    "digits": _digits,
    "plumage": _plumage,
    "fashion_mnist": partial(open_published, FASHION_MNIST),
    "cifar10": partial(open_published, CIFAR_10),
}
