"""Recipes: runs alike in everything except the seed, their mean, and how they stand to the best. Knows no store and no screen.

Only finished runs count: the others had not the same budget. Only validation is looked at, never the test part.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import fmean
from typing import Any, Literal, Protocol

from engine.config.data import SPLIT_KNOBS
from engine.statistics.means import Estimate, mean, tells, welch

MEASURE = "val_accuracy"
# Seeds in common from which two recipes are compared pair by pair.
PAIRS = 2

Standing = Literal["best", "close", "worse", "unknown"]


class Measured(Protocol):
    """As much of a run as a recipe needs."""

    @property
    def id(self) -> int: ...
    @property
    def state(self) -> str: ...
    @property
    def knobs(self) -> Mapping[str, Any]: ...
    @property
    def summary(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True, eq=False)
class Recipe:
    """Runs that differ in their seed alone, newest first. `finished` are those that count."""

    runs: tuple[Any, ...]

    @property
    def id(self) -> int:
        """The number of its first run."""
        return int(self.runs[-1].id)

    @property
    def knobs(self) -> Mapping[str, Any]:
        """What its runs have in common; the seed is that of the newest."""
        return self.runs[0].knobs

    @cached_property
    def by_seed(self) -> dict[int, float]:
        """The measure of each seed, by seed; of equal runs their mean: they are no second sample of chance."""
        found: dict[int, list[float]] = {}
        for run in self.runs:
            value = run.summary.get(MEASURE)
            if run.state == "finished" and value is not None:
                found.setdefault(run.knobs["seed"], []).append(value)
        return {seed: fmean(found[seed]) for seed in sorted(found)}

    @cached_property
    def estimate(self) -> Estimate | None:
        """The mean over its seeds; None before the first is finished."""
        return mean(list(self.by_seed.values())) if self.by_seed else None

    @property
    def open(self) -> int:
        """Runs of it that do not count, not yet or never."""
        return sum(run.state != "finished" or run.summary.get(MEASURE) is None for run in self.runs)

    def mean_of(self, name: str) -> float | None:
        """The mean of another number of its finished runs."""
        found = [run.summary[name] for run in self.runs if run.state == "finished" and run.summary.get(name) is not None]
        return fmean(found) if found else None


def group(known: Iterable[Any], recipe_of: Callable[[Any], Any]) -> list[Recipe]:
    """The recipes of runs, in order of their first appearance. `recipe_of` gives what runs of one recipe have in common."""
    found: dict[Any, list[Any]] = {}
    for run in known:
        found.setdefault(recipe_of(run), []).append(run)
    return [Recipe(tuple(runs)) for runs in found.values()]


@dataclass(frozen=True)
class Difference:
    """How far one recipe is ahead of another, by pairs of equal seeds where there are two of them."""

    estimate: Estimate
    pairs: int
    differences: tuple[float, ...] = field(default=())

    @property
    def paired(self) -> bool:
        """Whether it was measured seed by seed."""
        return self.pairs >= PAIRS


def difference(one: Recipe, other: Recipe) -> Difference | None:
    """`one` minus `other`; None while either has no finished run."""
    if not one.by_seed or not other.by_seed:
        return None
    common = [seed for seed in one.by_seed if seed in other.by_seed]
    if len(common) >= PAIRS:
        differences = tuple(one.by_seed[seed] - other.by_seed[seed] for seed in common)
        return Difference(mean(differences), len(common), differences)
    return Difference(welch(list(one.by_seed.values()), list(other.by_seed.values())), len(common))


def standings(recipes: Sequence[Recipe]) -> dict[int, Standing]:
    """By the recipe's number, how each stands to the best of those that were asked about the same validation pictures.

    The best is that with the highest mean of two seeds or more; it is no best while there is nothing to hold it against.
    """
    found: dict[int, Standing] = {recipe.id: "unknown" for recipe in recipes}
    splits: dict[tuple[Any, ...], list[Recipe]] = {}
    for recipe in recipes:
        if len(recipe.by_seed) > 1:
            splits.setdefault(tuple(recipe.knobs.get(name) for name in SPLIT_KNOBS), []).append(recipe)
    for alike in splits.values():
        if len(alike) > 1:
            best = max(alike, key=_value)
            found |= {recipe.id: "best" if recipe is best else _to(best, recipe) for recipe in alike}
    return found


def _value(recipe: Recipe) -> float:
    assert recipe.estimate is not None
    return recipe.estimate.value


def _to(best: Recipe, recipe: Recipe) -> Standing:
    found = difference(best, recipe)
    assert found is not None
    return "worse" if found.estimate.value > 0 and tells(found.estimate) else "close"
