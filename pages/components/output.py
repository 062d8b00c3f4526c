"""The right column of the Playground: transport, state, numbers, curves, card of one run, or of none yet."""

import streamlit as st

from engine.errors import NotFound
from engine.store import requests, runs
from engine.store.runs import Run
from pages.components import engine_watch, live_chart, numbers, situation, state, stateline, transport, verdict_card
from pages.components.pulse import pulsing
from pages.components.situation import ACTIVE, Mark
from pages.components.state import language, store
from pages.components.words import problem

# Pixels; with the card beneath it the page fits a window of 1440 x 900.
CHART_HEIGHT = 258


def show() -> None:
    """Everything about the run that the URL names."""
    number = state.shown_run()
    run = _shown(number)
    mark = None if run is None else (run.state, run.attempt)
    _head(number, mark, _engine())
    with st.container(border=True, key="curves"):
        shown = None if run is None else run.id
        live_chart.show(shown, key="live-chart", language=language(), height=CHART_HEIGHT, attempt=situation.followed(run))
    if run is None or run.state.ended:
        verdict_card.show(situation.look(None if run is None else run.id))
    else:
        _live_card(run.id)


def _shown(number: int | None) -> Run | None:
    if number is None:
        return None
    try:
        return runs.get(store(), number)
    except NotFound as error:
        state.tell(problem(error))
        state.forget_run()
        return None


@pulsing
def _head(number: int | None, drawn: Mark, missing: str) -> None:
    """What follows the run by itself, whoever changes it; a change that concerns the whole page has that drawn anew."""
    now, engine = situation.look(number), _engine()
    if now.mark != drawn or engine != missing:
        st.rerun()
    transport.show(now)
    stateline.show(now, engine)
    numbers.show(now.run)


def _engine() -> str:
    return engine_watch.missing(wanted=bool(runs.listing(store(), ACTIVE, limit=1)) or requests.pending(store()))


@pulsing
def _live_card(number: int) -> None:
    verdict_card.show(situation.look(number))
