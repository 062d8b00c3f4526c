"""The table of runs: what they are, how they did, and the knobs in which they differ."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from engine import strings
from engine.config import KNOBS
from engine.store.overview import Row
from pages.components import columns
from pages.components.columns import USUAL
from pages.components.remembered import differing_knobs
from pages.components.state import language
from pages.components.words import t

# Pixels of a row, of a table that is scrolled, across of the longest verdict; rows up to which it is as high as they are.
ROW, HEIGHT, VERDICT, WHOLE = 36, 466, 148, 12
KEY = "runs-table-rows"


def show(rows: Sequence[Row], colours: Mapping[int, str], knobs: Sequence[str], more: Sequence[str]) -> None:
    """Draw the runs in the order given, marked by `selection`; `colours` of the chosen ones' lines; `knobs` and `more` are columns."""
    import pandas as pd

    each = [(row.id,) for row in rows]
    shown = list(dict.fromkeys([*USUAL, *knobs, *more]))
    data: dict[str, Any] = {"line": pd.Categorical(columns.swatches(each, colours)), "run": [row.id for row in rows]}
    names = {row.name for row in rows}
    if len(names) > 1:
        data["name"] = [row.name for row in rows]
    data |= {"state": columns.state_cells(rows), "verdict": columns.verdict_cells(rows)}
    data |= {name: columns.cells(name, rows) for name in shown}
    data |= _labels(rows)
    frame(pd.DataFrame(data), KEY, _configs(shown), order(data))


def _labels(rows: Sequence[Row]) -> dict[str, Any]:
    """Tags and notes where there are any."""
    found: dict[str, Any] = {}
    if any(row.tags for row in rows):
        found["tags"] = [list(row.tags) for row in rows]
    if any(row.note for row in rows):
        found["note"] = [row.note for row in rows]
    return found


def order(data: Mapping[str, Any]) -> list[str]:
    """What people look for first stands first: the line, the name, the main number, then the knobs, the rest last."""
    first = ("line", "run", "name", "recipe", "runs", "accuracy", "interval", "standing", "seeds", "state", *KNOBS)
    return [*(name for name in first if name in data), *(name for name in data if name not in first)]


def frame(data: Any, key: str, configs: Mapping[str, Any], shown: Sequence[str]) -> None:
    """A table whose rows can be marked; its choice is read by `selection`."""
    with st.container(key="runs-table"):
        st.dataframe(
            data, key=key, hide_index=True, on_select="rerun", selection_mode="multi-row", row_height=ROW,
            height="content" if len(data) <= WHOLE else HEIGHT, column_config=dict(configs), column_order=shown, placeholder="",
            alt=t("compare.table"),
        )  # fmt: skip


def _configs(shown: Sequence[str]) -> dict[str, Any]:
    column = st.column_config
    name, verdict = (strings.say(f"ui.column.{column_name}", language()) for column_name in ("name", "verdict"))
    return {
        "name": name, "verdict": column.TextColumn(verdict, width=VERDICT),
        "line": column.ImageColumn(" ", width=48), "run": column.NumberColumn(t("ui.column.run"), width=52, format="%d"),
        "state": columns.state_config(), "tags": column.ListColumn(t("compare.kind.tag")), "note": t("compare.note"),
        **columns.configs(shown),
    }  # fmt: skip


def knobs_shown(rows: Sequence[Row], only_differing: bool) -> list[str]:
    """The knobs that have a column: those in which the runs differ, or all."""
    return differing_knobs(rows) if only_differing else list(KNOBS)


def hidden(knobs: Sequence[str], only_differing: bool) -> str:
    """What is not shown because it is equal everywhere, in a sentence."""
    left = [columns.column_word(name) for name in KNOBS if name not in knobs]
    if not only_differing or not left:
        return ""
    return t("compare.hidden", names=", ".join(left[:2]), count=max(len(left) - 2, 0))
