"""How much of what a network is asked about it has also learned from: the same pictures, or nearly the same, on both sides of the split.

Pure functions of keys and indices; knows no pictures.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from engine.data.dataset import Dataset
from engine.data.split import Split


@dataclass(frozen=True)
class Crossing:
    """Of `pictures` in a part, `exact` have an equal in training, `near` a near twin only; None: not looked for."""

    pictures: int
    exact: int
    near: int | None

    def shares(self) -> dict[str, float | None]:
        """Both as shares of the part, 0..1."""
        whole = max(1, self.pictures)
        return {"exact": self.exact / whole, "near": None if self.near is None else self.near / whole}


def across(dataset: Dataset, parts: Split, part: Literal["validation", "test"] = "validation") -> Crossing:
    """Twins of training pictures in another part."""
    asked = getattr(parts, part)
    exact = _shared(dataset.keys, parts.train, asked)
    near = None if dataset.kin is None else int((_shared(dataset.kin, parts.train, asked) & ~exact).sum())
    return Crossing(len(asked), int(exact.sum()), near)


def _shared(keys: np.ndarray, learned: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Which of `asked` (n,) have a key that one of `learned` has: bool (n,)."""
    return np.isin(keys[asked], keys[learned])
