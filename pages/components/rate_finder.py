"""A quiet button over a learning-rate range test: what it is, its curve, and the rate that it suggests, to take over with one click.

Asks nothing before somebody presses the button: the test takes as long as 150 steps.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import streamlit as st

from engine.errors import BadInput
from engine.store.requests import Answer
from pages.components import answers, charts, form, knobs, state
from pages.components.state import recall
from pages.components.words import problem, t

# Pixels of the curve.
HEIGHT = 130
STAGE, STAGES = "range-stage", ("1", "2")


class Subject(NamedTuple):
    """What is tested: of two stages (1, 2) the one that was chosen, else (0) the form as it is; and the knob that has its rate."""

    stage: int
    knob: str

    def ask(self) -> Answer | None:
        return answers.about("range", 0, self._place, None, **self._more)

    def asked(self) -> bool:
        """Whether this has been asked about before, and nothing that matters has changed since."""
        return answers.stands("range", self._place, **self._more)

    @property
    def _place(self) -> str:
        return f"-{self.stage}" if self.stage else ""

    @property
    def _more(self) -> dict[str, int]:
        return {"stage": self.stage} if self.stage else {}


def show() -> None:
    """The button; what was found for this very form stands behind it."""
    with st.popover(t("ui.range.title"), icon=":material/search_insights:", type="tertiary"):
        subject = _subject()
        if subject.asked():
            answers.follow(subject.ask, partial(_draw, subject))
        else:
            _offer(subject)


def _subject() -> Subject:
    if form.says(["plan"])["plan"] != "last_then_all":
        return Subject(0, "learning_rate")
    st.segmented_control(
        t("ui.range.stage"), STAGES, default=recall(STAGE, STAGES, STAGES[0]), key=STAGE, required=True,
        format_func=lambda stage: t(f"ui.range.stage_{stage}"),
    )  # fmt: skip
    if st.session_state[STAGE] == STAGES[0]:
        return Subject(1, "stage1_rate")
    st.caption(t("ui.range.second"))
    return Subject(2, "learning_rate")


def _offer(subject: Subject) -> None:
    st.markdown(t("ui.range.what"))
    try:
        knobs.read()
    except BadInput as error:
        st.caption(problem(error))
    else:
        st.button(t("ui.range.test"), key="range-test", on_click=_ask, args=(subject,), width="stretch")


def _ask(subject: Subject) -> None:
    subject.ask()


def _take(knob: str, rate: float) -> None:
    state.pressed()  # the knob stands elsewhere on the page
    form.take(knob, rate)


def _draw(subject: Subject, found: Answer | None) -> None:
    if found is None or found.answer is None:
        st.markdown(answers.sentence(found) if found is not None and found.reason is not None else t("ui.range.running"))
        return
    rate = found.answer["suggested"]
    st.markdown(t("ui.range.none") if rate is None else t("ui.range.suggested", rate=f"{rate:g}"))
    _chart(found.answer)
    if rate is not None:
        taken = form.says([subject.knob])[subject.knob] == rate
        label = t("ui.range.taken" if taken else "ui.range.take", rate=f"{rate:g}")
        st.button(label, key="range-take", on_click=_take, args=(subject.knob, rate), disabled=taken, width="stretch")


def _chart(found: Mapping[str, Any]) -> None:
    rows = charts.range_rows(found["rates"], found["losses"], found["smoothed"])
    words = {"rate": t("knobs.learning_rate.label"), "loss": t("ui.range.loss")}
    colours = state.chart_colours()
    figure = charts.range_figure(rows, found["suggested"], (colours[charts.VALIDATION], colours[charts.AMBER]), words, HEIGHT)
    st.altair_chart(figure, width="stretch")
