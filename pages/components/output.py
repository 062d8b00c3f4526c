"""The right column of the Playground: transport, numbers, curves, verdict of one run, or of none yet."""

import secrets

import streamlit as st

from engine.errors import AthanorError, NotFound
from engine.jobs import launch
from engine.store import runs
from engine.store.runs import Run
from engine.strings import figures
from pages.components import knobs, live_chart, numbers, state, verdict_card
from pages.components.state import PULSE, language, store
from pages.components.words import problem, t

# Pixels; with the card beneath it the page fits a window of 1440 x 900.
CHART_HEIGHT = 290


def show() -> None:
    """Everything about the run that the URL names."""
    run = _shown()
    _transport(run)
    _message()
    if run is None or run.state.ended:
        numbers.show(run)
    else:
        _live_numbers(run.id)
    with st.container(border=True, key="curves"):
        live_chart.show(None if run is None else run.id, key="live-chart", language=language(), height=CHART_HEIGHT)
    if run is None or run.state.ended:
        verdict_card.show(run)
    else:
        _live_verdict(run.id)


def _shown() -> Run | None:
    number = state.shown_run()
    if number is None:
        return None
    try:
        return runs.get(store(), number)
    except NotFound as error:
        state.tell(problem(error))
        return None


def _transport(run: Run | None) -> None:
    live = run is not None and not run.state.ended
    with st.container(horizontal=True, vertical_alignment="center", key="transport"):
        st.button(
            t("ui.start"),
            key="start",
            type="primary",
            icon=":material/play_arrow:",
            disabled=live,
            on_click=_start,
            args=(secrets.token_hex(16),),
        )
        st.button(t("ui.stop"), key="stop", icon=":material/stop:", disabled=not live, on_click=_stop)
        if run is not None:
            st.markdown(f":gray[{_title(run)}]", width="content")
            before = runs.before(store(), run.id)
            if before is not None:
                st.page_link("compare.py", label=t("ui.compare_with", run=before), query_params={state.COMPARED: f"{run.id},{before}"})


def _title(run: Run) -> str:
    parameters = run.summary.get("parameters")
    number = t("ui.run", run=run.id)
    return number if parameters is None else t("ui.run_parameters", number=number, parameters=figures.count(parameters))


def _start(launch_key: str) -> None:
    """Check the form, queue the run, show it. The key was made when the button was drawn: pressing it twice is one launch."""
    try:
        config = knobs.read()
        state.show_run(launch.submit(store(), config, launch_key))
    except AthanorError as error:
        state.tell(problem(error))


def _stop() -> None:
    number = state.shown_run()
    if number is not None:
        try:
            launch.stop(store(), number)
        except AthanorError as error:
            state.tell(problem(error))


def _message() -> None:
    message = state.told()
    if message is not None:
        st.warning(message, icon=":material/info:")


@st.fragment(run_every=PULSE)
def _live_numbers(number: int) -> None:
    run = runs.get(store(), number)
    numbers.show(run)
    if run.state.ended:
        st.rerun()
    elif launch.supervisor_version(store()) is None:
        launch.ensure_supervisor(store())


@st.fragment(run_every=PULSE)
def _live_verdict(number: int) -> None:
    verdict_card.show(runs.get(store(), number))
