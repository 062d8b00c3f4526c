"""The columns of the tables of runs and recipes: what stands in each, how it is written, what it is called. Draws nothing."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import streamlit as st

from engine import strings
from engine.config import KNOBS
from engine.store.overview import Row
from engine.store.runs import State
from engine.strings import figures
from pages.components.knobs import value_label
from pages.components.situation import COLOURS
from pages.components.state import language
from pages.components.words import t

# What a run has measured, by the column's name: the name in its summary, and the format of the column.
RESULTS: dict[str, tuple[str, str]] = {
    "accuracy": ("val_accuracy", "%.1f %%"),
    "loss": ("val_loss", "%.4g"),
    "train_accuracy": ("probe_accuracy", "%.1f %%"),
    "train_loss": ("probe_loss", "%.4g"),
    "best": ("best_epoch", "%d"),
    "epochs_done": ("epoch", "%d"),
    "seconds": ("seconds", "%.1f s"),
    "speed": ("images_per_second", "%,.0f"),
    "parameters": ("parameters", "%,d"),
}
USUAL = ("accuracy", "best", "seconds")
SHARES = ("accuracy", "train_accuracy")
CHOOSABLE = (*(name for name in RESULTS if name not in USUAL), *KNOBS)
# A bar in the colour of the line in the chart.
SWATCH = (
    "data:image/svg+xml;utf8,<svg xmlns='http://www.w3.org/2000/svg' width='48' height='36'>"
    "<rect x='10' y='15' width='28' height='6' rx='3' fill='{}'/></svg>"
)


def column_word(name: str) -> str:
    """What a column is called."""
    key = f"knobs.{name}.label" if name in KNOBS else f"compare.column.{name}"
    return strings.say(key, language())


def is_number(name: str) -> bool:
    """Whether a column is sorted as a number."""
    return name in RESULTS or (not KNOBS[name].choices and KNOBS[name].kind != "str")


def cells(name: str, rows: Sequence[Row]) -> list[Any]:
    """The values of a knob or a result, a row each; shares as percentages, what is not there None."""
    if name in RESULTS:
        found = [row.summary.get(RESULTS[name][0]) for row in rows]
        return shares(found) if name in SHARES else found
    values = [row.knobs.get(name) for row in rows]
    return knob_cells(name, values)


def knob_cells(name: str, values: Sequence[Any]) -> list[Any]:
    """Values of a knob as they stand in a table."""
    if not is_number(name):
        words = _remembered(name)
        return [words(value) for value in values]
    return shares(values) if KNOBS[name].unit == "share" else list(values)


def shares(values: Sequence[float | None]) -> list[float | None]:
    """Shares as percentages."""
    return [None if value is None else 100 * value for value in values]


def _remembered(name: str) -> Callable[[Any], str]:
    return cache(lambda value: value_label(name, value))


def written(name: str, value: Any) -> str:
    """A value of a knob or a result in words, for hovers and axes."""
    if value is None:
        return "—"
    if name in KNOBS:
        return value_label(name, value)
    if name in SHARES:
        return figures.percent(value)
    if name == "seconds":
        return figures.duration(value)
    return figures.loss(value) if name.endswith("loss") else figures.count(value)


def configs(names: Sequence[str]) -> dict[str, Any]:
    """How these columns are written."""
    return {name: _config(name) for name in names}


def _config(name: str) -> Any:
    column = st.column_config
    if not is_number(name):
        return column.TextColumn(column_word(name))
    if name in RESULTS:
        return column.NumberColumn(column_word(name), format=RESULTS[name][1])
    unit = KNOBS[name].unit
    shown = "%.4g %%" if unit == "share" else f"%.4g {unit}" if unit in ("px", "°") else "%.4g"
    return column.NumberColumn(column_word(name), format=shown)


def state_cells(rows: Sequence[Row]) -> list[list[str]]:
    """The states in words, coloured by `state_config`."""
    words = {state: [strings.say(f"ui.state.{state}", language())] for state in State}
    return [words[row.state] for row in rows]


def state_config() -> Any:
    """The column of states."""
    colours = [COLOURS.get(one, "gray") for one in State]
    words = [strings.say(f"ui.state.{one}", language()) for one in State]
    return st.column_config.MultiselectColumn(t("ui.column.state"), options=words, color=colours)


def verdict_cells(rows: Sequence[Row]) -> list[str]:
    """The verdicts by their titles."""
    words = cache(lambda name: strings.say(f"verdict.{name}.title", language()) if strings.known(f"verdict.{name}.title") else "")
    return [words(row.summary.get("verdict")) if row.summary.get("verdict") else "" for row in rows]


def swatches(rows: Sequence[tuple[int, ...]], colours: Mapping[int, str]) -> list[str]:
    """The line's colour of each chosen row, by the numbers of its runs; an empty picture elsewhere."""
    nothing = SWATCH.format("none")
    drawn = {number: SWATCH.format(colour.replace("#", "%23")) for number, colour in colours.items()}
    return [next((drawn[number] for number in row if number in drawn), nothing) for row in rows]
