"""What trains and what waits, in order, with buttons to change that. Not there when it would show only the run on the screen."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

import streamlit as st

from engine.jobs import launch, watching
from engine.store import queue, runs
from engine.store.runs import UNDER_WAY, Run, State
from pages.components import form, situation, state
from pages.components.pulse import attempt_to, pulsing
from pages.components.situation import Situation
from pages.components.state import store
from pages.components.words import plain, t

# Waiting runs with buttons of their own; the others are counted.
MOST = 8
# What the menu of a waiting run offers.
PLACES: tuple[queue.Where, ...] = ("first", "last")
MENU = (*PLACES, *(f"priority-{name}" for name in reversed(queue.PRIORITIES)), "pause", "stop")


@pulsing
def show() -> None:
    """Draw the list."""
    training = sorted(runs.listing(store(), UNDER_WAY), key=lambda run: run.id)
    paused = runs.listing(store(), [State.PAUSED], limit=MOST)
    waiting = queue.queued(store(), MOST + 1)
    if {run.id for run in (*training, *waiting, *paused)} <= {state.shown_run()}:
        return
    with st.container(gap=None, key="queue"):
        st.markdown(f"**{t('ui.line.title')}**")
        for run in training:
            _under_way(run)
        for place, run in enumerate(waiting[:MOST]):
            _waiting(run, waiting, place)
        if len(waiting) > MOST:
            st.caption(t("ui.line.more", count=queue.length(store()) - MOST))
        for run in paused:
            _paused(run)


def _under_way(run: Run) -> None:
    asked = situation.asked(run.id)
    with _row(run, situation.chip(Situation(run, asked, watching.stalled(store(), run.id)))):
        if asked is None:
            _icon("pause", run, ":material/pause:", launch.pause)
        if asked != "stop":
            _icon("stop", run, ":material/stop:", launch.stop)


def _waiting(run: Run, line: list[Run], place: int) -> None:
    with _row(run, _priority(run)):
        _icon("up", run, ":material/arrow_upward:", partial(queue.move, where="up"), _same(run, line, place - 1))
        _icon("down", run, ":material/arrow_downward:", partial(queue.move, where="down"), _same(run, line, place + 1))
        st.menu_button(
            ":material/more_horiz:", MENU, key=f"line-menu-{run.id}", type="tertiary", format_func=_menu_word, on_click=_choose,
            args=(run.id,),
        )  # fmt: skip


def _paused(run: Run) -> None:
    with _row(run, situation.chip(Situation(run))):
        _icon("resume", run, ":material/play_arrow:", launch.resume)
        _icon("stop", run, ":material/stop:", launch.stop)


def _row(run: Run, said: tuple[str, str]) -> AbstractContextManager[object]:
    """A row that begins with the name of its run; what is drawn within stands at its end."""
    row = st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", gap="xsmall", wrap=False)
    number = t("ui.run", run=run.id)
    word, colour = said
    label = f"{f'**{number}**' if run.id == state.shown_run() else number} :{colour}[{word}]"
    row.button(label, key=f"line-{run.id}", type="tertiary", on_click=open_run, args=(run,), help=plain(run.name))
    return row.container(horizontal=True, gap="xsmall", width="content", wrap=False)


def open_run(run: Run) -> None:
    """Show a run, and in the form what it was started with. For callbacks."""
    state.pressed()
    state.show_run(run.id)
    form.take_over(run)


def _priority(run: Run) -> tuple[str, str]:
    """That it waits; before or after the others where somebody said so."""
    name = next((name for name, level in queue.PRIORITIES.items() if level == run.priority), "normal")
    return t(f"ui.state.{run.state}" if name == "normal" else f"ui.line.waits_{name}"), "gray"


def _icon(what: str, run: Run, icon: str, act: Callable[..., object], useful: bool = True) -> None:
    st.button(
        icon, key=f"line-{what}-{run.id}", type="tertiary", disabled=not useful, help=t(f"ui.line.{what}"), on_click=attempt_to,
        args=(act, run.id),
    )  # fmt: skip


def _same(run: Run, line: list[Run], place: int) -> bool:
    """Whether a run of the same priority stands there: only those change places."""
    return 0 <= place < len(line) and line[place].priority == run.priority


def _menu_word(choice: str) -> str:
    return t(f"ui.line.{choice.replace('-', '_')}")


def _choose(number: int) -> None:
    choice = str(st.session_state[f"line-menu-{number}"])
    if choice in PLACES:
        attempt_to(lambda asked: queue.move(asked, number, "first" if choice == "first" else "last"))
    elif choice.startswith("priority-"):
        attempt_to(lambda asked: queue.set_priority(asked, number, queue.PRIORITIES[choice.removeprefix("priority-")]))
    else:
        attempt_to(launch.pause if choice == "pause" else launch.stop, number)
