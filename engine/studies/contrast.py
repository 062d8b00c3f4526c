"""What two recipes show when they are held against each other, what they could have shown, and how many more seeds would show it.

Pure; knows no screen. Differences are those of accuracies in 0..1.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

from engine.statistics.effects import detectable, detectable_unpaired, sign_flip
from engine.statistics.means import SIGN_FLIP_LEAST, seeds_for, spread, tells, variance
from engine.studies.difference import same_validation
from engine.studies.recipes import Difference, Recipe, difference

# `nothing`: one has no finished run; `single`: one has a single seed, which is no evidence; `equal`: with every seed.
Kind = Literal["other_data", "nothing", "single", "equal", "close", "ahead"]
# Seeds to begin with where there is one; queued with one press at most.
FIRST, AT_ONCE = 3, 10
# A share of pictures too small to be one: only rounding makes it.
NOTHING = 1e-9


@dataclass(frozen=True)
class Contrast:
    """What two recipes show. `ahead` has the higher mean; `spread` is what the seeds alone make within one recipe.

    `detectable`: the least difference that the seeds there are tell in 80 % of the cases; None when they tell none.
    `signs`: p of the sign-flip test, from six pairs on. `seeds`: how many each there should be to tell a difference of
    this size in 80 % of the cases; None when more than 1,000 or not to be known.
    """

    kind: Kind
    ahead: Recipe
    behind: Recipe
    difference: Difference | None = None
    spread: float = 0.0
    detectable: float | None = None
    signs: float | None = None
    seeds: int | None = None

    @property
    def now(self) -> int:
        """Seeds that were compared: pairs, or those of the recipe with fewer."""
        if self.difference is not None and self.difference.paired:
            return self.difference.pairs
        return min(len(self.ahead.by_seed), len(self.behind.by_seed))

    @property
    def level(self) -> bool:
        """Whether the two means are the same."""
        return self.difference is not None and abs(self.difference.estimate.value) < NOTHING

    @property
    def uniform(self) -> bool:
        """Whether the difference is the same with every seed, so that nothing is known of its spread."""
        half = None if self.difference is None else self.difference.estimate.half
        return half is not None and half < NOTHING

    @property
    def target(self) -> int | None:
        """Seeds each after the next press of the button; None when more seeds would say nothing new."""
        if self.kind in ("nothing", "single"):
            return FIRST
        if self.kind in ("close", "equal"):
            return min(max(self.seeds or 0, self.now + 1), self.now + AT_ONCE) if self.seeds else self.now + FIRST
        return None


def find(one: Recipe, other: Recipe) -> Contrast:
    """Hold two recipes against each other."""
    if not same_validation([one.knobs, other.knobs]):
        return Contrast("other_data", one, other)
    found = difference(one, other)
    if found is None:
        return Contrast("nothing", one, other)
    if found.estimate.value < 0:
        return find(other, one)
    within = spread(list(one.by_seed.values()), list(other.by_seed.values()))
    if found.estimate.half is None:
        return Contrast("single", one, other, found, within)
    shown = Contrast("close", one, other, found, within, _detectable(one, other, found), _signs(found))
    if shown.level and shown.uniform:
        return replace(shown, kind="equal")
    if tells(found.estimate):
        return replace(shown, kind="ahead")
    return replace(shown, seeds=SIGN_FLIP_LEAST if shown.uniform else _seeds(one, other, found))


def _detectable(one: Recipe, other: Recipe, found: Difference) -> float | None:
    if found.paired:
        least = detectable(found.pairs, math.sqrt(variance(found.differences)))
    else:
        least = detectable_unpaired(list(one.by_seed.values()), list(other.by_seed.values()))
    return least if NOTHING < least <= 1 else None


def _signs(found: Difference) -> float | None:
    return sign_flip(found.differences) if found.pairs >= SIGN_FLIP_LEAST else None


def _seeds(one: Recipe, other: Recipe, found: Difference) -> int | None:
    if found.paired:
        deviation = math.sqrt(variance(found.differences))
    else:
        deviation = math.sqrt(sum(variance(list(each.by_seed.values())) for each in (one, other)))
    needed = seeds_for(found.estimate.value, deviation, found.paired)
    return None if needed is None else max(needed, found.estimate.n + 1)
