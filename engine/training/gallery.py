"""Which validation pictures are worth a look, which classes are taken for which: numbers of an epoch -> what a screen shows.

Pure functions over arrays; knows no network and no file.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from engine.config.data import DataConfig
from engine.data.dataset import Dataset
from engine.data.resident import fingerprint
from engine.data.split import split
from engine.data.tiles import Layout, sheet
from engine.errors import DataError
from engine.training.samples import Samples

# Pictures of a kind, how they are drawn, and pairs of classes that are named.
COUNT, LAYOUT, PAIRS = 8, Layout(side=160, gap=0, radius=0), 8


def best(seen: Samples) -> np.ndarray:
    """The surest right answers."""
    return _first(seen.loss, seen.predicted == seen.label)


def worst(seen: Samples) -> np.ndarray:
    """The wrong answers with the highest loss."""
    return _first(-seen.loss, seen.predicted != seen.label)


def confused(seen: Samples) -> np.ndarray:
    """The answers, right or wrong, of which the network was least sure."""
    return _first(seen.sure, np.ones(len(seen.sure), dtype=bool))


def _first(order: np.ndarray, among: np.ndarray) -> np.ndarray:
    """The rows with the lowest values among those marked; equal ones in their own order."""
    marked = np.flatnonzero(among)
    return marked[np.argsort(order[marked], kind="stable")[:COUNT]]


KINDS: dict[str, Callable[[Samples], np.ndarray]] = {"best": best, "worst": worst, "confused": confused}


def show(seen: Samples, dataset: Dataset, config: DataConfig) -> tuple[dict[str, Any], bytes]:
    """What is told of them, and all their pictures as one PNG, a kind after the other, COUNT tiles a row.

    Raises DataError when these numbers are of other pictures.
    """
    _require_same(seen, dataset, config)
    rows = {kind: choose(seen) for kind, choose in KINDS.items()}
    chosen = np.concatenate([np.append(found, np.zeros(COUNT - len(found), np.int64)) for found in rows.values()])
    told = {
        "epoch": seen.epoch, "images": len(seen.index), "classes": list(dataset.classes), "columns": COUNT,
        "kinds": {kind: [_told(seen, row) for row in found.tolist()] for kind, found in rows.items()},
        "matrix": matrix(seen), "pairs": pairs(seen, len(dataset.classes)),
    }  # fmt: skip
    return told, sheet(dataset.images[seen.index[chosen]], COUNT, LAYOUT)


def _require_same(seen: Samples, dataset: Dataset, config: DataConfig) -> None:
    parts = split(dataset, config)
    if fingerprint(dataset.keys, dataset.labels, parts.train, parts.validation, parts.test) != seen.data:
        raise DataError("run.samples.changed", name=config.dataset)
    classes = len(dataset.classes)
    answers_fit = seen.predicted.min() >= 0 and seen.predicted.max() < classes
    if not (np.array_equal(seen.index, parts.validation) and np.array_equal(seen.label, dataset.labels[seen.index]) and answers_fit):
        raise DataError("run.samples.damaged")


def _told(seen: Samples, row: int) -> dict[str, Any]:
    numbers = {name: float(getattr(seen, name)[row]) for name in ("truth", "sure", "loss")}
    return {"label": int(seen.label[row]), "predicted": int(seen.predicted[row]), **numbers}


def matrix(seen: Samples) -> list[list[int]]:
    """`[true class, predicted class, pictures]` wherever there are any."""
    found, counts = np.unique(np.stack([seen.label, seen.predicted]), axis=1, return_counts=True)
    return np.vstack([found, counts]).T.tolist()


def pairs(seen: Samples, classes: int) -> list[list[int]]:
    """`[true class, predicted class, pictures, all pictures of the true class]` of the commonest mistakes, the commonest first."""
    totals = np.bincount(seen.label, minlength=classes)
    wrong = sorted((cell for cell in matrix(seen) if cell[0] != cell[1]), key=lambda cell: (-cell[2], cell[0], cell[1]))
    return [[true, predicted, count, int(totals[true])] for true, predicted, count in wrong[:PAIRS]]
