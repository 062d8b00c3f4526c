"""The last runs, each to be opened, and where to put pictures of one's own."""

import streamlit as st

from engine.store import runs
from engine.store.runs import FAULTS, Run, State
from engine.strings import figures
from pages.components.form import take_over
from pages.components.state import PULSE, show_run, shown_run, store
from pages.components.words import plain, t

SHOWN = 5
COLOURS = dict.fromkeys(FAULTS, "red") | {State.STOPPED: "orange"}


def show() -> None:
    """The newest runs; looked at again while one of them lives."""
    if any(not run.state.ended for run in runs.listing(store(), limit=SHOWN)):
        _live()
    else:
        _draw()


@st.fragment(run_every=PULSE)
def _live() -> None:
    _draw()


def _draw() -> None:
    newest = runs.listing(store(), limit=SHOWN)
    if not newest:
        return
    st.markdown(f"**{t('ui.recent.title')}**")
    with st.container(gap=None, key="recent"):
        for run in newest:
            _one(run)


def _one(run: Run) -> None:
    """One line: the number, bold when it is on the screen, and how it went; the name as help."""
    number = t("ui.run", run=run.id)
    label = f"{f'**{number}**' if run.id == shown_run() else number} :{COLOURS.get(run.state, 'gray')}[{_result(run)}]"
    st.button(label, key=f"open-{run.id}", type="tertiary", on_click=_open, args=(run,), help=plain(run.name))


def _open(run: Run) -> None:
    """Show a past run, and in the form what it was started with."""
    show_run(run.id)
    take_over(run)


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
