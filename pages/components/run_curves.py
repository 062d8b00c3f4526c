"""The curves of a run, large, under its newest numbers."""

import streamlit as st

from engine.store import runs
from engine.store.runs import Run
from pages.components import live_chart, numbers, situation
from pages.components.pulse import pulsing
from pages.components.state import language, store

# Pixels: with head and numbers it fills a window of 1440 x 900.
HEIGHT = 430


def show(run: Run) -> None:
    """The chart reads its numbers itself; those above it follow the run while it lives."""
    if run.state.ended:
        numbers.show(run)
    else:
        _live(run.id)
    with st.container(border=True, key="curves"):
        live_chart.show(run.id, key="run-chart", language=language(), height=HEIGHT, attempt=situation.followed(run))


@pulsing
def _live(number: int) -> None:
    numbers.show(runs.get(store(), number))
