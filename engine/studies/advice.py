"""What two recipes show when they are held against each other, and how many more seeds would show it. Pure; knows no screen."""

import math
from dataclasses import dataclass
from typing import Literal

from engine.statistics.means import seeds_for, spread, tells, variance
from engine.studies.difference import same_validation
from engine.studies.recipes import Difference, Recipe, difference

# `nothing`: one has no finished run; `single`: one has a single seed, which is no evidence; `equal`: to the last digit.
Kind = Literal["other_data", "nothing", "single", "equal", "close", "ahead"]
# Seeds to begin with where there is one; queued with one press at most.
FIRST, AT_ONCE = 3, 10


@dataclass(frozen=True)
class Finding:
    """What two recipes show. `ahead` has the higher mean; `spread` is what the seeds alone make within one recipe.

    `seeds`: how many each there should be to tell a difference of this size in 80 % of the cases; None when more than
    1,000 or not to be known.
    """

    kind: Kind
    ahead: Recipe
    behind: Recipe
    difference: Difference | None = None
    spread: float = 0.0
    seeds: int | None = None

    @property
    def now(self) -> int:
        """Seeds that were compared: pairs, or those of the recipe with fewer."""
        if self.difference is not None and self.difference.paired:
            return self.difference.pairs
        return min(len(self.ahead.by_seed), len(self.behind.by_seed))

    @property
    def target(self) -> int | None:
        """Seeds each after the next press of the button; None when more seeds would say nothing new."""
        if self.kind in ("nothing", "single"):
            return FIRST
        if self.kind in ("close", "equal"):
            return min(max(self.seeds or 0, self.now + 1), self.now + AT_ONCE) if self.seeds else self.now + FIRST
        return None


def find(one: Recipe, other: Recipe) -> Finding:
    """Hold two recipes against each other."""
    if not same_validation([one.knobs, other.knobs]):
        return Finding("other_data", one, other)
    found = difference(one, other)
    if found is None:
        return Finding("nothing", one, other)
    if found.estimate.value < 0:
        return find(other, one)
    within = spread(list(one.by_seed.values()), list(other.by_seed.values()))
    if found.estimate.half is None:
        return Finding("single", one, other, found, within)
    if not found.estimate.value:
        return Finding("equal", one, other, found, within)
    if tells(found.estimate):
        return Finding("ahead", one, other, found, within)
    return Finding("close", one, other, found, within, _seeds(one, other, found))


def _seeds(one: Recipe, other: Recipe, found: Difference) -> int | None:
    if found.paired:
        deviation = math.sqrt(variance(found.differences))
    else:
        deviation = math.sqrt(sum(variance(list(each.by_seed.values())) for each in (one, other)))
    needed = seeds_for(found.estimate.value, deviation, found.paired)
    return None if needed is None else max(needed, found.estimate.n + 1)
