"""The last runs, each to be opened, and where to put pictures of one's own."""

import streamlit as st

from engine.store import runs
from engine.store.runs import Run, State
from engine.strings import figures
from pages.components import queue_list
from pages.components.pulse import pulsing
from pages.components.situation import COLOURS
from pages.components.state import shown_run, store
from pages.components.words import plain, t

SHOWN = 5
ENDED = [state for state in State if state.ended]


@pulsing
def show() -> None:
    """The newest runs that have ended, to be opened."""
    newest = runs.listing(store(), ENDED, limit=SHOWN)
    if newest:
        with st.container(gap=None, key="recent"):
            st.markdown(f"**{t('ui.recent.title')}**")
            for run in newest:
                _one(run)


def _one(run: Run) -> None:
    """One line: the number, bold when it is on the screen, and how it went; the name as help."""
    number = t("ui.run", run=run.id)
    label = f"{f'**{number}**' if run.id == shown_run() else number} :{COLOURS.get(run.state, 'gray')}[{_result(run)}]"
    st.button(label, key=f"open-{run.id}", type="tertiary", on_click=queue_list.open_run, args=(run,), help=plain(run.name))


def _result(run: Run) -> str:
    state = t(f"ui.state.{run.state}")
    accuracy = run.summary.get("val_accuracy")
    return state if accuracy is None else t("ui.recent.result", state=state, accuracy=figures.percent(accuracy))


def own_pictures() -> None:
    """How to bring one's own pictures."""
    with st.popover(t("ui.data.own"), type="tertiary"):
        st.markdown(t("ui.data.how"))
        st.code(str(store().home.data), language=None)
        st.caption(t("ui.data.parts"))
