"""The two tables and the pictures beside them: what is chosen in the one is drawn in the other. Reads runs, changes none."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from engine.store import overview
from engine.store.overview import Row
from engine.studies.recipes import Recipe
from pages.components import finder, naming, overlay, recipes_table, relations, runs_table, selection
from pages.components.pulse import pulsing
from pages.components.remembered import recipes_of, standings
from pages.components.state import compared_runs, link, recall, store
from pages.components.words import t

PICTURE = "picture"
PICTURES = ("curves", "scatter", "parallel")


@dataclass(frozen=True)
class Chosen:
    """What is compared: the runs, the lines they make in the chart (a run or a recipe each), and the recipes behind them."""

    runs: Sequence[Row]
    lines: Sequence[Recipe]
    labels: Sequence[str]
    recipes: Sequence[Recipe]
    recipe_labels: Sequence[str]

    @property
    def colours(self) -> dict[int, str]:
        """The colour of each run's line."""
        return {run.id: colour for line, colour in zip(self.lines, overlay.colours(len(self.lines)), strict=True) for run in line.runs}


def show(found: Sequence[Row], known: Sequence[Row], only_differing: bool, by_recipe: bool) -> Chosen:
    """Draw the table of what was found; what is chosen in it, and of what is not shown now."""
    knobs = runs_table.knobs_shown(found, only_differing)
    if by_recipe:
        recipes = recipes_of(found)
        knobs = [name for name in knobs if name != "seed"]
        selection.prepare(recipes_table.KEY, [recipes_table.numbers(each) for each in recipes_table.ordered(recipes)])
    else:
        selection.prepare(runs_table.KEY, [(row.id,) for row in found])
    chosen = _chosen(known, by_recipe)
    if by_recipe:
        more = [name for name in finder.columns() if name not in knobs]
        recipes_table.show(recipes, standings(recipes), chosen.colours, [*knobs, *more])
        counted = t("compare.counted_recipes", count=len(recipes), runs=len(found))
    else:
        runs_table.show(found, chosen.colours, knobs, finder.columns())
        counted = t("compare.counted", count=len(found), all=len(known))
    st.caption(f"{counted} {runs_table.hidden(knobs, only_differing)}")
    return chosen


def nothing(known: Sequence[Row], by_recipe: bool) -> Chosen:
    """Nothing was found: how to see all again. What was chosen before stays chosen."""
    finder.nothing_found()
    return _chosen(known, by_recipe)


def _chosen(known: Sequence[Row], by_recipe: bool) -> Chosen:
    """The chosen runs in the order of their choice; a recipe is chosen with all its runs."""
    there = {row.id: row for row in known}
    runs = [there[number] for number in compared_runs() if number in there]
    if by_recipe:
        wanted = list(dict.fromkeys(row.facts.recipe for row in runs))
        whole = {each.runs[0].facts.recipe: each for each in recipes_of([row for row in known if row.facts.recipe in set(wanted)])}
        lines = [whole[each] for each in wanted]
        labels = naming.labels(lines)
        return Chosen([run for line in lines for run in line.runs], lines, labels, lines, labels)
    recipes = recipes_of(sorted(runs, key=lambda row: -row.id))
    lines = [Recipe((row,)) for row in runs]
    return Chosen(runs, lines, [naming.run_label(row.id) for row in runs], recipes, naming.labels(recipes))


def picture(chosen: Chosen, found: Sequence[Row]) -> None:
    """The curves of the chosen, or the found runs along axes."""
    shown = recall(PICTURE, PICTURES, PICTURES[0])
    st.segmented_control(
        t("compare.picture"), PICTURES, default=shown, key=PICTURE, required=True, label_visibility="collapsed",
        format_func=lambda name: t(f"compare.pictures.{name}"),
    )  # fmt: skip
    link(PICTURE, PICTURES[0])
    kind = str(st.session_state[PICTURE])
    if kind != "curves":
        relations.show(kind, found, chosen.colours)
    else:
        overlay.show([(label, sorted(run.id for run in line.runs)) for line, label in zip(chosen.lines, chosen.labels, strict=True)])


def empty() -> None:
    """Before the first run: what this page is for, and where to begin."""
    with st.container(border=True, key="no-runs"):
        st.markdown(f"**{t('ui.compare.none')}**")
        st.caption(t("ui.compare.none_how"))
        st.page_link("playground.py", label=t("ui.compare.to_playground"), icon=":material/arrow_forward:")


@pulsing
def watch(seen: tuple[Any, ...]) -> None:
    """Draw the page anew when a run has come, gone, or changed its state."""
    if overview.stamp(store()) != seen:
        st.rerun()
