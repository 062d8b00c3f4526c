"""The table of recipes: runs alike in everything except the seed in one row, with mean, interval, and how it stands to the best."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from engine import strings
from engine.config import KNOBS
from engine.strings import figures
from engine.studies.recipes import Recipe, Standing
from pages.components import columns, runs_table
from pages.components.columns import RESULTS
from pages.components.state import language
from pages.components.words import t

KEY = "recipes-table-rows"


def show(recipes: Sequence[Recipe], standings: Mapping[int, Standing], colours: Mapping[int, str], knobs: Sequence[str]) -> None:
    """Draw the recipes, best first; `standings` by their number, `colours` by the numbers of their runs."""
    import pandas as pd

    rows = ordered(recipes)
    data: dict[str, Any] = {"line": columns.swatches([numbers(recipe) for recipe in rows], colours)}
    names = [recipe.runs[0].name for recipe in rows]
    if len(set(names)) > 1:
        data["recipe"] = names
    else:
        data["runs"] = [_span(recipe) for recipe in rows]
    data |= {
        "accuracy": columns.shares([None if recipe.estimate is None else recipe.estimate.value for recipe in rows]),
        "interval": [_interval(recipe) for recipe in rows],
        "standing": [strings.say(f"compare.standing.{standings[recipe.id]}", language()) for recipe in rows],
        "seeds": [len(recipe.by_seed) for recipe in rows],
    }
    data |= {name: columns.knob_cells(name, [recipe.knobs.get(name) for recipe in rows]) for name in knobs if name in KNOBS}
    for name in dict.fromkeys(["seconds", *(name for name in knobs if name in RESULTS)]):
        means = [recipe.mean_of(RESULTS[name][0]) for recipe in rows]
        data[name] = columns.shares(means) if name in columns.SHARES else means
    if any(recipe.open for recipe in rows):
        data["open"] = [recipe.open or None for recipe in rows]
    runs_table.frame(pd.DataFrame(data), KEY, _configs(knobs), runs_table.order(data))


def numbers(recipe: Recipe) -> tuple[int, ...]:
    """The numbers of its runs, first run first."""
    return tuple(int(run.id) for run in reversed(recipe.runs))


def ordered(recipes: Sequence[Recipe]) -> list[Recipe]:
    """The rows of the table: the highest mean first, those without one last."""
    return sorted(recipes, key=_best_first)


def _best_first(recipe: Recipe) -> tuple[bool, float, int]:
    return (recipe.estimate is None, -recipe.estimate.value if recipe.estimate else 0.0, -recipe.id)


def _span(recipe: Recipe) -> str:
    """`1`, `1, 2`, `1, 2, 3` or `1 … 9`."""
    found = numbers(recipe)
    return ", ".join(map(str, found)) if len(found) <= 3 else f"{found[0]} … {found[-1]}"


def _interval(recipe: Recipe) -> str:
    if recipe.estimate is None:
        return ""
    half = recipe.estimate.half
    return strings.say("compare.one_seed", language()) if half is None else f"± {figures.points(half)}"


def _configs(knobs: Sequence[str]) -> dict[str, Any]:
    column = st.column_config
    words = {name: column.TextColumn(strings.say(f"compare.column.{name}", language())) for name in ("recipe", "runs")}
    return {
        **words, "line": column.ImageColumn(" ", width=48), **columns.configs([*knobs, "seconds"]),
        "accuracy": column.NumberColumn(t("ui.column.accuracy"), format="%.1f %%", help=t("compare.mean_help")),
        "interval": column.TextColumn(figures.percent(0.95, 0), help=t("compare.interval_help")),
        "standing": column.TextColumn(t("compare.column.standing"), help=t("compare.standing_help")),
        "seeds": column.NumberColumn(t("compare.column.seeds"), format="%d"),
        "open": column.NumberColumn(t("compare.column.open"), format="%d", help=t("compare.open_help")),
    }  # fmt: skip
