"""The head of a run's page: which run it is, how it stands, what came of it, and the ways on from here."""

import streamlit as st

from engine.errors import NotFound
from engine.store import runs
from engine.store.runs import FAULTS, Run
from engine.strings import figures
from pages.components import queue_list, situation, state
from pages.components.pulse import pulsing
from pages.components.situation import Mark, Situation
from pages.components.state import store
from pages.components.words import filled, reason, t


def find() -> Run | None:
    """The run that the address names; None after a sentence and a way on where there is none."""
    number = state.named_run()
    if number is None:
        _lost(t("run.no_number"))
        return None
    try:
        return runs.get(store(), number)
    except NotFound:
        _lost(t("run.unknown", run=number))
        return None


def _lost(what: str) -> None:
    st.header(t("run.none"), anchor=False)
    st.markdown(what)
    st.caption(t("run.none_how"))
    with st.container(horizontal=True, gap="medium", key="ways-on"):
        st.page_link("playground.py", label=t("run.to_playground"), icon=":material/arrow_forward:")
        st.page_link("compare.py", label=t("run.to_compare"), icon=":material/arrow_forward:")


def show(run: Run) -> None:
    """The heading with its line, and the buttons; what lives follows the run."""
    left, right = st.columns([64, 36], vertical_alignment="center", gap="medium")
    with left:
        if run.state.ended:
            _draw(situation.look(run.id))
        else:
            _live(run.id, (run.state, run.attempt))
    with right.container(horizontal=True, horizontal_alignment="right", gap="small", key="run-buttons"):
        _buttons(run)


@pulsing
def _live(number: int, drawn: Mark) -> None:
    """A change of state or attempt concerns the whole page."""
    now = situation.look(number)
    if now.mark != drawn:
        st.rerun()
    _draw(now)


def _draw(now: Situation) -> None:
    run = now.run
    if run is None:
        return
    word, colour = situation.chip(now)
    with st.container(gap="xsmall", key="run-head"):
        st.header(f"{t('run.heading', run=run.id, name=run.name)} &nbsp;:{colour}-badge[{word}]", anchor=False)
        st.caption(_line(run))
        if run.reason is not None:
            st.markdown(f":{'red' if run.state in FAULTS else 'gray'}[{reason(run)}]")


def _line(run: Run) -> str:
    """Epochs, time, seed; the best epoch; where it comes from; which try it is."""
    summary, said = run.summary, [filled("run.line", epochs=_epochs(run), seed=run.knobs["seed"])]
    if summary.get("best_epoch"):
        loss, accuracy = figures.loss(summary.get("val_loss")), figures.percent(summary.get("val_accuracy"))
        said.append(t("run.best", epoch=summary["best_epoch"], loss=loss, accuracy=accuracy))
    parents = runs.parents(store(), run.id)
    if parents:
        said.append(t("run.changed_from", runs=", ".join(map(str, parents))))
    if run.attempt > 1:
        said.append(t("run.attempt", attempt=run.attempt))
    return " ".join(said)


def _epochs(run: Run) -> str:
    done, planned = run.summary.get("epoch", 0), run.knobs["epochs"]
    if not done:
        return t("run.not_begun", planned=planned)
    time = figures.duration(run.summary.get("seconds"))
    if done < planned:
        return t("run.epochs_of", done=done, planned=planned, time=time)
    return t("run.epochs_one", time=time) if done == 1 else t("run.epochs", done=done, time=time)


def _buttons(run: Run) -> None:
    other = next(iter(runs.parents(store(), run.id)), None) or runs.before(store(), run.id)
    if other is not None and st.button(
        t("run.compare"), key="compare-run", icon=":material/stacked_line_chart:", help=t("run.compare_help", run=other)
    ):
        st.switch_page("compare.py", query_params={state.COMPARED: f"{run.id},{other}"})
    if st.button(t("run.open"), key="open-run", icon=":material/tune:", help=t("run.open_help"), on_click=queue_list.open_run, args=(run,)):
        st.switch_page("playground.py", query_params={state.RUN: str(run.id)})
