"""The seeds that two recipes lack for a fair comparison, and how they are queued. Launches through `engine.jobs`."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.jobs import launch
from engine.store import labels, runs
from engine.store.connect import Store
from engine.studies.recipes import Recipe


@dataclass(frozen=True)
class Order:
    """A run to be queued: a copy of run `parent` with another seed. The same `key` is the same run, however often it is pressed."""

    parent: int
    seed: int
    key: str


def plan(one: Recipe, other: Recipe, target: int) -> list[Order]:
    """What is to be queued so that both have `target` seeds in common: first those that one of the two lacks, then new ones.

    A seed that was tried, with whatever end, is not tried again: it would end the same way.
    """
    tried = [{run.knobs["seed"] for run in recipe.runs} for recipe in (one, other)]
    useful = [_useful(recipe) for recipe in (one, other)]
    common = useful[0] & useful[1]
    halves = sorted((useful[0] - tried[1]) | (useful[1] - tried[0]))
    fresh = _fresh(tried[0] | tried[1])
    wanted = halves[: max(target - len(common), 0)]
    wanted += [next(fresh) for _ in range(target - len(common) - len(wanted))]
    pairs = [(recipe, seed, known) for seed in wanted for recipe, known in ((one, tried[0]), (other, tried[1]))]
    return [_order(recipe, seed) for recipe, seed, known in pairs if seed not in known]


def _useful(recipe: Recipe) -> set[int]:
    """Seeds that are finished or may still be."""
    under_way = ("queued", "starting", "running", "paused", "finished")
    return {run.knobs["seed"] for run in recipe.runs if run.state in under_way}


def _fresh(tried: set[int]) -> Iterator[int]:
    seed = 0
    while True:
        if seed not in tried:
            yield seed
        seed += 1


def _order(recipe: Recipe, seed: int) -> Order:
    said = json.dumps({**recipe.knobs, "seed": seed}, sort_keys=True, ensure_ascii=False)
    return Order(int(recipe.runs[0].id), seed, f"seed-{hashlib.sha256(said.encode()).hexdigest()[:32]}")


def seconds(orders: Sequence[Order], recipes: Sequence[Recipe]) -> float | None:
    """About how long they take one after the other, by what runs of their recipe have taken; None when that is not known."""
    pace = {int(recipe.runs[0].id): recipe.mean_of("seconds") for recipe in recipes}
    taken = [pace.get(order.parent) for order in orders]
    known = [each for each in taken if each is not None]
    return sum(known) if len(known) == len(taken) else None


def queue(store: Store, orders: Sequence[Order]) -> list[int]:
    """Queue them, each under its parent's name and tags; their numbers. Raises what `launch.again` raises, the earlier ones stay."""
    return [_queue(store, order) for order in orders]


def _queue(store: Store, order: Order) -> int:
    number = launch.again(store, order.parent, {"seed": order.seed}, order.key)
    parent = runs.get(store, order.parent)
    if runs.get(store, number).name != parent.name:
        labels.rename(store, number, parent.name)
    for word in labels.tags_of(store, [order.parent]).get(order.parent, ()):
        labels.tag(store, [number], word)
    return number
