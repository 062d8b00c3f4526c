"""What runs and recipes are called beside each other: their names where these tell them apart, else the knobs that do."""

from collections.abc import Sequence
from typing import Any

from engine import catalog, strings
from engine.studies.difference import differing
from engine.studies.recipes import Recipe
from pages.components.columns import column_word
from pages.components.knobs import value_label
from pages.components.state import language

# Knobs in a label; more would be no label.
MOST = 3


def labels(recipes: Sequence[Recipe]) -> list[str]:
    """A label each, in the page's language: text, not markup."""
    names = [{run.name for run in recipe.runs} for recipe in recipes]
    if all(len(each) == 1 for each in names) and len(set().union(*names)) == len(recipes) > 1:
        return [next(iter(each)) for each in names]
    apart = [name for name in differing([recipe.knobs for recipe in recipes]) if name != "seed"]
    if not apart:
        return [run_label(recipe.id) for recipe in recipes]
    levels = _levels(recipes, apart)
    rest = [name for name in apart if not levels or name not in catalog.AUGMENTATIONS]
    first = [[f"{strings.say('knobs.augmentation.label', language())} {_level(level)}"] for level in levels] or [[] for _ in recipes]
    return [_listed([*said, *_by_knobs(recipe, rest)]) for said, recipe in zip(first, recipes, strict=True)]


def _levels(recipes: Sequence[Recipe], apart: Sequence[str]) -> list[str]:
    """The augmentation of each in one word, where several of its strengths differ and each stands at a known level."""
    if sum(name in catalog.AUGMENTATIONS for name in apart) < 2:
        return []
    strengths: list[dict[str, Any]] = [{name: recipe.knobs.get(name) for name in catalog.AUGMENTATIONS} for recipe in recipes]
    levels = [catalog.level_of(each, recipe.knobs["dataset"]) for each, recipe in zip(strengths, recipes, strict=True)]
    return levels if set(levels) <= set(catalog.LEVELS) else []


def _level(level: str) -> str:
    return strings.say(f"knobs.augmentation.options.{level}", language()).lower()


def _by_knobs(recipe: Recipe, apart: Sequence[str]) -> list[str]:
    return [f"{column_word(name)} {value_label(name, recipe.knobs.get(name))}" for name in apart]


def _listed(said: Sequence[str]) -> str:
    return ", ".join(said[:MOST]) + (" …" if len(said) > MOST else "")


def run_label(number: int) -> str:
    """`Run 12`."""
    return strings.say("ui.run", language(), run=number)
