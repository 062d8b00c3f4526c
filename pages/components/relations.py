"""Scatter and parallel coordinates of the runs in the table: which axes, and the drawing of them."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import streamlit as st

from engine.config import KNOBS
from engine.store.overview import Row
from pages.components import columns, run_charts
from pages.components.columns import RESULTS
from pages.components.knobs import value_label
from pages.components.remembered import differing_knobs
from pages.components.run_charts import Axis, Ink, Point
from pages.components.state import dark, link, recall
from pages.components.words import t

HEIGHT = 330
# Axes that stand beside each other at first.
AXES, MOST_AXES = 5, 8
CHOICES = (*RESULTS, *KNOBS)


def show(kind: str, rows: Sequence[Row], colours: Mapping[int, str]) -> None:
    """Draw the runs along the axes that the person chooses: `scatter` of two, `parallel` of two and more."""
    knobs = [name for name in differing_knobs(rows) if name != "seed"]
    with st.container(border=True, key="relations"):
        names = _two(knobs) if kind == "scatter" else _several(knobs)
        if len(names) < 2:
            st.caption(t("compare.two_axes"))
            return
        axes = [_axis(name, rows) for name in names]
        points = [Point(row.id, row.name, colours.get(row.id)) for row in rows]
        figure = _scatter(points, axes) if kind == "scatter" else _parallel(points, axes)
        if figure is None:
            st.caption(t("compare.nothing_to_draw"))
            return
        st.plotly_chart(figure, key=f"{kind}-chart", config={"displayModeBar": False}, alt=" × ".join(axis.label for axis in axes))
    if kind == "parallel" and len(rows) > run_charts.MOST_LINES:
        st.caption(t("compare.newest", count=run_charts.MOST_LINES))


def _two(knobs: Sequence[str]) -> list[str]:
    left, right = st.columns(2)
    usual = {"across": knobs[0] if knobs else "seconds", "up": "accuracy"}
    for place, (key, name) in zip((left, right), usual.items(), strict=True):
        chosen = CHOICES.index(recall(key, CHOICES, name))
        place.selectbox(t(f"compare.{key}"), CHOICES, chosen, key=key, format_func=columns.column_word)
        link(key, name)
    return [str(st.session_state[key]) for key in usual]


def _several(knobs: Sequence[str]) -> list[str]:
    usual = [*(list(knobs[: AXES - 1]) or ["seconds"]), "accuracy"]
    chosen = recall("axes", CHOICES, usual, MOST_AXES)
    names = st.multiselect(t("compare.axes"), CHOICES, chosen, key="axes", format_func=columns.column_word, max_selections=MOST_AXES)
    link("axes", usual)
    return names


def _axis(name: str, rows: Sequence[Row]) -> Axis:
    label, written = columns.column_word(name), partial(columns.written, name)
    if name in RESULTS:
        return Axis(label, tuple(row.summary.get(RESULTS[name][0]) for row in rows), False, written, name in columns.SHARES)
    values = tuple(row.knobs.get(name) for row in rows)
    if KNOBS[name].kind == "str":
        words = tuple(None if value is None else value_label(name, value) for value in values)
        return Axis(label, words, False, str)
    return Axis(label, values, KNOBS[name].scale == "log", written, KNOBS[name].unit == "share")


def _scatter(points: Sequence[Point], axes: Sequence[Axis]) -> Any:
    across, up = axes
    data = run_charts.scatter(points, across, up)
    return run_charts.scatter_figure(data, (across, up), _ink(), HEIGHT) if data["x"] else None


def _parallel(points: Sequence[Point], axes: Sequence[Axis]) -> Any:
    lines = run_charts.parallel(points, axes)
    return run_charts.parallel_figure(lines, axes, _ink(), HEIGHT) if lines else None


def _ink() -> Ink:
    """The theme's colours, as the config has them."""
    theme = "dark" if dark() else "light"
    text, grid, quiet, high = (
        str(st.get_option(f"theme.{theme}.{name}")) for name in ("textColor", "borderColor", "grayColor", "primaryColor")
    )
    return Ink(text, grid, quiet, quiet, high)
