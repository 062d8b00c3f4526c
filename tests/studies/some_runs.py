"""Runs and recipes for the tests of comparisons, without a store."""

from dataclasses import dataclass, field
from itertools import count
from typing import Any

from engine.config import RunConfig
from engine.studies.recipes import Recipe

_numbers = count(1)


@dataclass(frozen=True)
class Run:
    knobs: dict[str, Any]
    summary: dict[str, Any]
    state: str = "finished"
    id: int = field(default_factory=lambda: next(_numbers))


def run(seed: int, accuracy: float | None, state: str = "finished", **knobs: object) -> Run:
    summary = {} if accuracy is None else {"val_accuracy": accuracy, "seconds": 10.0}
    return Run(RunConfig.from_flat({**knobs, "seed": seed}).flat(), summary, state)


def recipe(*by_seed: tuple[int, float | None], state: str = "finished", **knobs: object) -> Recipe:
    """A recipe of runs given as (seed, accuracy)."""
    return Recipe(tuple(run(seed, accuracy, state, **knobs) for seed, accuracy in reversed(by_seed)))
