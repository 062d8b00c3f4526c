"""A quiet button over a learning-rate range test: what it is, its curve, and the rate that it suggests, to take over with one click.

Asks nothing before somebody presses the button: the test takes as long as 150 steps.
"""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from engine.errors import BadInput
from engine.jobs import asking
from engine.store.requests import Answer
from pages.components import answers, charts, form, knobs, state
from pages.components.words import problem, t

# Pixels of the curve.
HEIGHT = 130


def show() -> None:
    """The button; what was found for this very form stands behind it."""
    with st.popover(t("ui.range.title"), icon=":material/search_insights:", type="tertiary"):
        before = state.asked("range")
        if before is not None and before.payload == {"config": form.says(asking.MATTERS["range"])}:
            answers.follow(lambda: answers.about("range", patience=0), _draw)
        else:
            _offer()


def _offer() -> None:
    st.markdown(t("ui.range.what"))
    try:
        knobs.read()
    except BadInput as error:
        st.caption(problem(error))
    else:
        st.button(t("ui.range.test"), key="range-test", on_click=_ask, width="stretch")


def _ask() -> None:
    answers.about("range", patience=0)


def _draw(found: Answer | None) -> None:
    if found is None or found.answer is None:
        st.markdown(answers.sentence(found) if found is not None and found.reason is not None else t("ui.range.running"))
        return
    rate = found.answer["suggested"]
    st.markdown(t("ui.range.none") if rate is None else t("ui.range.suggested", rate=f"{rate:g}"))
    _chart(found.answer)
    if rate is not None:
        taken = form.says(["learning_rate"])["learning_rate"] == rate
        label = t("ui.range.taken" if taken else "ui.range.take", rate=f"{rate:g}")
        st.button(label, key="range-take", on_click=form.take, args=("learning_rate", rate), disabled=taken, width="stretch")


def _chart(found: Mapping[str, Any]) -> None:
    rows = charts.range_rows(found["rates"], found["losses"], found["smoothed"])
    words = {"rate": t("knobs.learning_rate.label"), "loss": t("ui.range.loss")}
    colours = state.chart_colours()
    figure = charts.range_figure(rows, found["suggested"], (colours[charts.VALIDATION], colours[charts.AMBER]), words, HEIGHT)
    st.altair_chart(figure, width="stretch")
