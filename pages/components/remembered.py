"""What is worked out of many runs, kept while these stay the very same: ten thousand are looked through once, not at every click.

Rows and recipes are compared by identity: a row that has changed is another one (`engine.store.overview`).
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from engine.store.overview import Row
from engine.studies import recipes, sifting
from engine.studies.difference import differing
from engine.studies.recipes import Recipe, Standing

# As many visitors with another search each.
KEPT = 8


def differing_knobs(rows: Sequence[Row]) -> list[str]:
    """The knobs in which runs differ."""
    return list(_differing(tuple(rows)))


@lru_cache(KEPT)
def _differing(rows: tuple[Row, ...]) -> tuple[str, ...]:
    return tuple(differing([row.knobs for row in rows]))


def recipes_of(rows: Sequence[Row]) -> list[Recipe]:
    """Runs grouped by everything except the seed."""
    return list(_recipes(tuple(rows)))


@lru_cache(KEPT)
def _recipes(rows: tuple[Row, ...]) -> tuple[Recipe, ...]:
    return tuple(recipes.group(rows, _recipe))


def _recipe(row: Row) -> tuple[Any, ...]:
    return row.facts.recipe


def standings(found: Sequence[Recipe]) -> dict[int, Standing]:
    """How recipes stand to the best of them."""
    return _standings(tuple(found))


@lru_cache(KEPT)
def _standings(found: tuple[Recipe, ...]) -> dict[int, Standing]:
    return recipes.standings(found)


def choices(rows: Sequence[Row]) -> dict[str, list[str]]:
    """What runs can be filtered by."""
    return _choices(tuple(rows))


@lru_cache(KEPT)
def _choices(rows: tuple[Row, ...]) -> dict[str, list[str]]:
    return sifting.choices(rows)
