"""The verdict card: what the worker said of a run, in words, with evidence and what would change the mind. Judges nothing."""

from typing import Literal

import streamlit as st

from engine.diagnosis.verdict import Verdict
from engine.diagnosis.words import explain
from engine.store import records, runs
from engine.store.runs import FAULTS, Run
from engine.strings import figures
from pages.components.state import language, store
from pages.components.words import plain, reason, t

HEIGHT = 256
Colour = Literal["green", "gray", "orange", "red"]
COLOURS: dict[str, Colour] = {
    "healthy": "green", "too_early": "gray", "watch": "orange", "overfitting": "orange", "generalisation_gap": "orange",
    "underfitting": "orange", "not_learning": "red", "diverged": "red",
}  # fmt: skip


def show(run: Run | None) -> None:
    """The card of a run; before the first, what will stand here."""
    with st.container(border=True, height=HEIGHT, key="verdict"):
        event = None if run is None else records.last_event(store(), run.id, records.VERDICT)
        if event is not None and run is not None:
            _verdict(run, Verdict.from_dict(event.data))
        elif run is None:
            st.markdown(f"**{t('ui.card.press')}**")
            st.caption(t("ui.card.what"))
        else:
            _nothing_yet(run)


def _nothing_yet(run: Run) -> None:
    """A run without a verdict: it has not come that far, or it ended before."""
    if run.state.ended:
        st.markdown(f":red[**{reason(run) or t(f'ui.state.{run.state}')}**]" if run.state in FAULTS else f"**{reason(run)}**")
        st.caption(t("ui.card.none"))
    else:
        st.markdown(f"**{t('ui.card.waiting')}**")
        st.caption(t("ui.card.first"))


def _verdict(run: Run, verdict: Verdict) -> None:
    said = explain(verdict, language())
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.badge(said.title, color=COLOURS.get(verdict.name, "gray"))
        st.caption(said.caption, width="content")
    st.markdown(f"**{plain(said.sentence)}**")
    st.caption("  \n".join(plain(line) for line in said.evidence))
    if said.refuted_by:
        st.caption(f":material/help: {plain(said.refuted_by)}")
    _test(run)


def _test(run: Run) -> None:
    """The test result, apart: it decided nothing."""
    result = runs.test_result(store(), run.id)
    if result is not None:
        st.caption(t("ui.card.test", accuracy=figures.percent(result.accuracy), images=result.images, epoch=result.epoch))
