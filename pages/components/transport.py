"""The transport: Start, Pause, Stop, where Pause becomes Resume or Retry. Asks the engine, does nothing itself."""

import secrets
from collections.abc import Callable

import streamlit as st

from engine.errors import BadInput
from engine.jobs import launch
from engine.store import runs, settings
from engine.store.connect import Store
from engine.store.runs import Run, State
from engine.store.transitions import RETRIABLE
from pages.components import form, knobs, state
from pages.components.pulse import attempt_to
from pages.components.situation import ACTIVE, Situation
from pages.components.state import store
from pages.components.words import problem, t

# Pixels: the longest word of a button fits, so that nothing moves when the word changes.
WIDTH = 106
# A second press of Start comes at once: its run is among the newest so many.
NEWEST = 10


def show(now: Situation) -> None:
    """The three buttons, and the way to a comparison once there is something to compare."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="transport"):
        _start(now)
        _go_on(now)
        _stop(now)
        if now.run is not None:
            st.page_link("run.py", label=t("run.link", run=now.run.id), query_params={state.RUN: str(now.run.id)})
        if now.run is not None and now.run.summary.get("epoch"):
            before = runs.before(store(), now.run.id)
            if before is not None:
                compared = {state.COMPARED: f"{now.run.id},{before}"}
                st.page_link("compare.py", label=t("ui.compare_with", run=before), query_params=compared)


def _start(now: Situation) -> None:
    """Start, or Queue while others have the slots; out of use while the form cannot be started or is under way just so."""
    slots = int(settings.get(store(), settings.SLOTS))
    active = runs.listing(store(), ACTIVE, limit=max(NEWEST, slots))
    against = _against(active)
    label = t("ui.start")
    icon = ":material/play_arrow:"
    if against is None and len(active) >= slots:
        label, icon = t("ui.queue"), ":material/playlist_add:"
    other_is_bright = now.run is not None and (now.run.state is State.PAUSED or bool(smaller(now.run)))
    st.button(
        label, key="start", type="secondary" if other_is_bright else "primary", icon=icon, width=WIDTH, help=against or t("ui.start_help"),
        disabled=against is not None, on_click=_launch, args=(secrets.token_hex(16),),
    )  # fmt: skip


def _against(active: list[Run]) -> str | None:
    """Why the form cannot be started now."""
    try:
        config = knobs.read().model_dump(mode="json")
    except BadInput as error:
        return problem(error)
    same = next((run for run in active if run.config == config), None)
    return None if same is None else t("ui.same_under_way", run=same.id)


def _launch(launch_key: str) -> None:
    """Check the form, queue the run, show it. The key was made when the button was drawn: pressing it twice is one launch."""
    attempt_to(lambda place: state.show_run(launch.submit(place, knobs.read(), launch_key)))


def _go_on(now: Situation) -> None:
    """Pause what is on its way, resume what is paused, try again what was stopped or went wrong."""
    run = now.run
    if run is not None and run.state is State.PAUSED:
        _button("resume", ":material/play_arrow:", launch.resume, run, bright=True)
    elif run is not None and run.state in RETRIABLE:
        _button("retry", ":material/replay:", launch.retry, run)
    elif now.asked == "pause":
        st.button(t("ui.pausing"), key="pause", disabled=True, width=WIDTH)
    else:
        _button("pause", ":material/pause:", launch.pause, run if _under_way(run) and now.asked is None else None)


def _stop(now: Situation) -> None:
    if now.asked == "stop":
        st.button(t("ui.stopping"), key="stop", disabled=True, width=WIDTH)
    else:
        _button("stop", ":material/stop:", launch.stop, None if now.run is None or now.run.state.ended else now.run)


def _under_way(run: Run | None) -> bool:
    return run is not None and run.state in ACTIVE


def _button(name: str, icon: str, act: Callable[..., object], run: Run | None, bright: bool = False) -> None:
    """A button that does something to a run; out of use without one."""
    st.button(
        t(f"ui.{name}"), key=name, icon=icon, width=WIDTH, type="primary" if bright else "secondary", disabled=run is None,
        help=None if run is None else t(f"ui.{name}_help"), on_click=attempt_to, args=(act, None if run is None else run.id),
    )  # fmt: skip


def smaller(run: Run) -> dict[str, int]:
    """The knobs by which a run that ran out of memory would want less, and their values."""
    if run.state is not State.OUT_OF_MEMORY or run.reason is None:
        return {}
    tips = {"batch_size": run.reason["fields"].get("smaller_batch"), "resolution": run.reason["fields"].get("smaller_resolution")}
    return {knob: value for knob, value in tips.items() if value is not None}


def show_changed(run: Run, knob: str, value: object) -> None:
    """Launch a copy of a run with one knob changed, and show it; the same copy twice is one run. For callbacks."""

    def launch_it(place: Store) -> None:
        number = launch.again(place, run.id, {knob: value}, f"again-{run.id}-{run.created_at}-{knob}-{value}")
        state.show_run(number)
        form.take_over(runs.get(place, number))

    attempt_to(launch_it)
