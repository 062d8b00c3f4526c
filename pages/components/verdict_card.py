"""The card of a run: what the worker said of it, with evidence and what would change the mind; or what went wrong with it.

Judges nothing.
"""

import streamlit as st

from engine.diagnosis.verdict import SHOWN, Verdict
from engine.diagnosis.words import explain
from engine.store import runs
from engine.store.runs import UNDER_WAY, Run
from engine.strings import figures
from pages.components import recipes, remedies
from pages.components.situation import Colour, Situation, chip
from pages.components.state import language, store
from pages.components.transport import show_changed, smaller
from pages.components.words import filled, plain, reason, t

HEIGHT = 288
COLOURS: dict[str, Colour] = {
    "healthy": "green", "too_early": "gray", "watch": "orange", "overfitting": "orange", "generalisation_gap": "orange",
    "overconfident": "orange", "undertrained": "orange", "underfitting": "orange", "unstable": "orange", "plateau": "gray",
    "data_suspect": "red", "memorising": "red", "not_learning": "red", "diverged": "red",
}  # fmt: skip


def show(now: Situation) -> None:
    """The card of a run; before the first, what will stand here; what went wrong goes before what was seen."""
    run = now.run
    with st.container(border=True, height=HEIGHT, key="verdict"):
        if run is None:
            st.markdown(f"**{t('ui.card.press')}**")
            st.caption(t("ui.card.what"))
            recipes.first()
        elif say(now, run) and not now.faulty:
            _test(run)


def say(now: Situation, run: Run, room: bool = False) -> bool:
    """What the card says of a run, without its test result; whether there is a verdict. With `room` what else to know stands there, too."""
    verdict = remedies.newest(run)
    if now.faulty:
        _trouble(now, run, verdict)
    elif verdict is not None:
        _verdict(verdict, run, room)
    else:
        _nothing_yet(run)
    return verdict is not None


def _trouble(now: Situation, run: Run, verdict: Verdict | None) -> None:
    """What went wrong, what to do about it as buttons where that is known, and what was seen until then."""
    word, colour = chip(now)
    st.badge(word, color=colour)
    if now.stalled is not None:
        st.markdown(f"**{t('ui.stalled', time=figures.duration(now.stalled))}**")
        st.caption(t("ui.stalled_how"))
    elif now.crashed:
        st.markdown(f"**{filled('ui.crashed', attempt=run.attempt, reason=reason(run))}**")
    else:
        st.markdown(f":red[**{reason(run) or word}**]")
        _smaller(run)
        remedies.show(run, remedies.offered(verdict)[: remedies.AT_ONCE], bright=not smaller(run))
    if verdict is not None:
        st.caption("  \n".join(plain(line) for line in explain(verdict, language()).evidence))
    elif run.state.ended and not run.summary.get("epoch"):
        st.caption(t("ui.card.none"))


def _smaller(run: Run) -> None:
    """The ways to want less memory, each a press away."""
    with st.container(horizontal=True, gap="small", key="smaller"):
        for place, (knob, value) in enumerate(smaller(run).items()):
            st.button(
                t(f"ui.try.{knob}", value=value), key=f"try-{knob}", type="secondary" if place else "primary",
                on_click=show_changed, args=(run, knob, value),
            )  # fmt: skip


def _nothing_yet(run: Run) -> None:
    """A run without a verdict: it has not come that far, or it ended before."""
    if run.state.ended:
        st.markdown(f"**{reason(run) or t(f'ui.state.{run.state}')}**")
        st.caption(t("ui.card.none"))
    elif run.state in UNDER_WAY:
        st.markdown(f"**{t('ui.card.waiting')}**")
        st.caption(t("ui.card.first"))
    else:
        st.markdown(f"**{t(f'ui.card.{run.state}')}**")
        st.caption(t("ui.card.first"))


def _verdict(verdict: Verdict, run: Run, room: bool) -> None:
    said = explain(verdict, language(), ended=run.state.ended)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.badge(said.title, color=COLOURS.get(verdict.name, "gray"))
        st.caption(said.caption, width="content", help=None if room else "  \n".join(said.notes) or None)
    st.markdown(f"**{plain(said.sentence)}**")
    tried = remedies.scored(run)
    lines = [plain(line) for line in said.evidence]
    st.caption("  \n".join([tried, *lines[: SHOWN - 1]] if tried else lines))
    if room and said.notes:
        st.caption("  \n".join(f":material/info: {plain(note)}" for note in said.notes))
    remedies.show(run, remedies.offered(verdict)[: remedies.AT_ONCE], bright=run.state.ended)
    st.caption(f":material/help: {plain(said.refuted_by)}")


def _test(run: Run) -> None:
    """The test result, apart: it decided nothing."""
    result = runs.test_result(store(), run.id)
    if result is not None:
        st.caption(t("ui.card.test", accuracy=figures.percent(result.accuracy), images=result.images, epoch=result.epoch))
