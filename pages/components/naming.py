"""What runs and recipes are called beside each other: their names where these tell them apart, else the knobs that do."""

from collections.abc import Sequence

from engine import strings
from engine.studies.difference import differing
from engine.studies.recipes import Recipe
from pages.components.columns import column_word, value_word
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
    return [_by_knobs(recipe, apart) for recipe in recipes]


def _by_knobs(recipe: Recipe, apart: Sequence[str]) -> str:
    said = [f"{column_word(name)} {value_word(name, recipe.knobs.get(name))}" for name in apart[:MOST]]
    return ", ".join(said) + (" …" if len(apart) > MOST else "")


def run_label(number: int) -> str:
    """`Run 12`."""
    return strings.say("ui.run", language(), run=number)
