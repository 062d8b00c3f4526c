"""The table of runs: what they are, how they did, and the knobs in which they differ. Returns the chosen ones."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from engine import strings
from engine.config import KNOBS
from engine.store.runs import Run, State
from engine.strings import figures
from engine.studies.difference import differing
from pages.components.knobs import value_label
from pages.components.situation import COLOURS
from pages.components.state import language
from pages.components.words import t

HEIGHT = 520


def show(known: Sequence[Run], chosen: Sequence[int], only_differing: bool) -> list[Run]:
    """Draw the table, newest run first; `chosen` are marked at first. Returns the marked runs."""
    import pandas as pd

    shown = differing([run.knobs for run in known]) if only_differing else list(KNOBS)
    frame = pd.DataFrame([_row(run, shown) for run in known])
    marked = [place for place, run in enumerate(known) if run.id in chosen]
    # The selection is kept by place: a table with a new run in it must be another widget, or its marks would slide.
    key = f"runs-table-{known[0].id}-{len(known)}"
    state = st.container(key="runs-table").dataframe(
        frame, key=key, hide_index=True, on_select="rerun", selection_mode="multi-row", height=min(HEIGHT, 38 + 35 * len(known)),
        selection_default={"selection": {"rows": marked}}, column_config=_columns(shown), placeholder="",
    )  # fmt: skip
    if only_differing:
        st.caption(t("ui.compare.hidden", count=len(KNOBS) - len(shown)))
    return [known[place] for place in state["selection"]["rows"] if place < len(known)]


def _row(run: Run, shown: Sequence[str]) -> dict[str, Any]:
    summary = run.summary
    accuracy = summary.get("val_accuracy")
    row = {
        "run": run.id, "name": run.name, "state": [t(f"ui.state.{run.state}")], "accuracy": None if accuracy is None else 100 * accuracy,
        "best": summary.get("best_epoch"), "verdict": _verdict(summary.get("verdict")), "time": figures.duration(summary.get("seconds")),
    }  # fmt: skip
    return row | {name: value_label(name, run.knobs.get(name)) for name in shown}


def _verdict(name: str | None) -> str:
    key = f"verdict.{name}.title"
    return strings.say(key, language()) if name and strings.known(key) else ""


def _columns(shown: Sequence[str]) -> dict[str, Any]:
    column = st.column_config
    fixed = {name: t(f"ui.column.{name}") for name in ("name", "best", "verdict", "time")}
    state = column.MultiselectColumn(
        t("ui.column.state"), options=[t(f"ui.state.{one}") for one in State], color=[COLOURS.get(one, "gray") for one in State]
    )
    accuracy = column.NumberColumn(t("ui.column.accuracy"), format="%.1f %%")
    run = column.NumberColumn(t("ui.column.run"), width="small", format="%d")
    return {**fixed, "run": run, "state": state, "accuracy": accuracy, **{name: t(f"knobs.{name}.label") for name in shown}}
