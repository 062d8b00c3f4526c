"""A dataset at a glance: how many of which class in which part, what was left out, what it looks like on the mean and class by class.

Numpy only; everything is bounded, however large the dataset is. Knows no augmentation and no screen.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.data.audit import audit
from engine.data.dataset import Dataset
from engine.data.split import Split, rank
from engine.data.tiles import Layout, sheet
from engine.folders import NAME_LENGTH, one_line

# Classes and skipped files that are told one by one.
MOST_CLASSES, MOST_SKIPPED = 1000, 200
# Classes on a page, tiles of a row: the mean and ten pictures.
PAGE, SHOWN = 10, 10
# Bytes of pictures that a mean is taken over: 64 MiB are 65,536 grey pictures of 32 px, 445 colour pictures of 224 px.
MEAN_BYTES, CLASS_MEAN_BYTES = 64 * 2**20, 16 * 2**20
BLOCK_BYTES = 2**24
MEAN, ROW = Layout(side=280, radius=16), Layout(side=80, gap=8, lead=16)


@dataclass(frozen=True)
class Mosaic:
    """The classes of one page: their names, how many each has to learn from, a row of tiles each, the first being the mean."""

    first: int
    names: list[str]
    train: list[int]
    rows: list[bytes]


def overview(dataset: Dataset, parts: Split) -> dict[str, Any]:
    """Counts, what was skipped, findings: plain data."""
    shown = len(dataset.classes[:MOST_CLASSES])
    counts = {name: np.bincount(dataset.labels[part], minlength=len(dataset.classes)) for name, part in vars(parts).items()}
    return {
        "classes": list(names(dataset)),
        "class_count": len(dataset.classes),
        "counts": {name: count[:shown].tolist() for name, count in counts.items()},
        "totals": {name: len(part) for name, part in vars(parts).items()},
        "images": len(dataset.labels),
        "channels": dataset.images.shape[1],
        "resolution": dataset.images.shape[2],
        "official_test": bool(dataset.official_test.any()),
        "skipped": [{"path": _path(one.path), "reason": one.reason} for one in dataset.skipped[:MOST_SKIPPED]],
        "skipped_count": len(dataset.skipped),
        "mean_of": len(_some(dataset, parts.train, MEAN_BYTES)),
        "audit": [finding.as_dict() for finding in audit(dataset, parts)],
    }


def mean_picture(dataset: Dataset, parts: Split) -> bytes:
    """The mean of the training pictures, as one tile."""
    return sheet(_mean(dataset, parts.train, MEAN_BYTES)[None], 1, MEAN)


def mosaic(dataset: Dataset, parts: Split, page: int) -> Mosaic:
    """The classes of a page, from 0; the last page where there are fewer."""
    page = min(page, (len(dataset.classes) - 1) // PAGE)
    places = range(page * PAGE, min((page + 1) * PAGE, len(dataset.classes)))
    labels = dataset.labels[parts.train]
    train = [parts.train[labels == place] for place in places]
    shown = list(names(dataset, places.stop))[places.start :]
    return Mosaic(places.start, shown, [len(one) for one in train], [_row(dataset, one) for one in train])


def names(dataset: Dataset, most: int = MOST_CLASSES) -> Iterator[str]:
    """The classes' names, shortened; two that look alike then are told apart by a number."""
    found: Counter[str] = Counter()
    for name in map(one_line, dataset.classes[:most]):
        found[name] += 1
        yield name if found[name] == 1 else f"{name} ({found[name]})"


def _row(dataset: Dataset, train: np.ndarray) -> bytes:
    """The mean of a class, then some of it in an order of their content."""
    chosen = train[np.argsort(rank(dataset.keys[train]), kind="stable")[:SHOWN]]
    return sheet(np.concatenate([_mean(dataset, train, CLASS_MEAN_BYTES)[None], dataset.images[chosen]]), SHOWN + 1, ROW)


def _mean(dataset: Dataset, part: np.ndarray, most_bytes: int) -> np.ndarray:
    """The mean uint8 (C, R, R) over a part, or over as many, spread over it, as fit into so many bytes."""
    chosen = _some(dataset, part, most_bytes)
    total = np.zeros(dataset.images.shape[1:], dtype=np.int64)
    step = max(1, BLOCK_BYTES // total.size)
    for start in range(0, len(chosen), step):
        total += dataset.images[chosen[start : start + step]].sum(axis=0, dtype=np.int64)
    return np.rint(total / len(chosen)).astype(np.uint8)


def _some(dataset: Dataset, part: np.ndarray, most_bytes: int) -> np.ndarray:
    count = min(len(part), max(1, most_bytes // dataset.images[0].size))
    return part[np.linspace(0, len(part) - 1, count).astype(np.int64)]


def _path(name: str) -> str:
    """A file's name on one line; of a long one the beginning and the end."""
    return one_line(name) if len(name) <= NAME_LENGTH else f"{one_line(name[:20])}…{one_line(name[-39:])}"
