"""The transport: Start, Pause, Step one epoch, Stop, where Pause becomes Resume or Retry. Asks the engine, does nothing itself."""

import secrets
from collections.abc import Callable

import streamlit as st

from engine.errors import BadInput
from engine.jobs import launch
from engine.store import runs, settings
from engine.store.connect import Store
from engine.store.runs import UNDER_WAY, Run, State
from engine.store.transitions import RETRIABLE
from pages.components import answers, form, knobs, remedies, state
from pages.components.pulse import attempt_to
from pages.components.situation import ACTIVE, Situation
from pages.components.state import store
from pages.components.words import problem, t

# Pixels: the longest word of a button fits, so that nothing moves when the word changes.
WIDTH, STEP_WIDTH = 106, 140
# A second press of Start comes at once: its run is among the newest so many.
NEWEST = 10


def show(now: Situation) -> None:
    """The four buttons, and the way to the run's own page."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="transport"):
        _start(now)
        _go_on(now)
        _step(now)
        _stop(now)
        if now.run is not None:
            st.space("stretch")
            st.page_link(
                "run.py", label=t("run.link", run=now.run.id), query_params={state.RUN: str(now.run.id)}, help=t("ui.run_page_help")
            )


def _start(now: Situation) -> None:
    """Start, or Queue while others have the slots; out of use while the form cannot be started or is under way just so."""
    slots = int(settings.get(store(), settings.SLOTS))
    active = runs.listing(store(), ACTIVE, limit=max(NEWEST, slots))
    against, same = _against(active)
    word, icon = "start", ":material/play_arrow:"
    if now.run is not None and same == now.run.id and now.run.state in UNDER_WAY:
        word = "running"
    elif against is None and len(active) >= slots:
        word, icon = "queue", ":material/playlist_add:"
    other_is_bright = now.run is not None and (now.run.state is State.PAUSED or bool(smaller(now.run)) or _prescribed(now.run))
    st.button(
        t(f"ui.{word}"), key="start", type="secondary" if other_is_bright else "primary", icon=icon, width=WIDTH,
        help=against or t("ui.start_help"), disabled=against is not None, on_click=_launch, args=(secrets.token_hex(16),),
    )  # fmt: skip


def _prescribed(run: Run) -> bool:
    """Whether the card beneath has the bright button: what is prescribed for a run that has ended.

    A stored verdict that is none prescribes nothing; what is wrong with it is said on the card.
    """
    try:
        return run.state.ended and remedies.launchable(remedies.newest(run))
    except (LookupError, AttributeError, TypeError, ValueError):
        return False


def _against(active: list[Run]) -> tuple[str | None, int | None]:
    """Why the form cannot be started now, and the run that is under way with just its settings."""
    try:
        config = knobs.read().model_dump(mode="json")
    except BadInput as error:
        return problem(error), None
    same = next((run.id for run in active if run.config == config), None)
    return answers.refusal() if same is None else t("ui.same_under_way", run=same), same


def _launch(launch_key: str, pause_after: int | None = None) -> None:
    """Check the form, queue the run, show it. The key was made when the button was drawn: pressing it twice is one launch."""
    attempt_to(lambda place: state.show_run(launch.submit(place, knobs.read(), launch_key, pause_after=pause_after)))


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


def _step(now: Situation) -> None:
    """One epoch: of the run that is paused, to the end of the one under way, or of a new run."""
    run = now.run
    if run is not None and (run.state is State.PAUSED or run.state in UNDER_WAY):
        usable = now.asked is None and run.pause_after is None
        _button("step", ":material/skip_next:", launch.step, run if usable or run.state is State.PAUSED else None, width=STEP_WIDTH)
        return
    against, _ = _against(runs.listing(store(), ACTIVE, limit=NEWEST))
    st.button(
        t("ui.step"), key="step", icon=":material/skip_next:", width=STEP_WIDTH, help=against or t("ui.step_first_help"),
        disabled=against is not None, on_click=_launch, args=(secrets.token_hex(16), 1),
    )  # fmt: skip


def _stop(now: Situation) -> None:
    if now.asked == "stop":
        st.button(t("ui.stopping"), key="stop", disabled=True, width=WIDTH)
    else:
        _button("stop", ":material/stop:", launch.stop, None if now.run is None or now.run.state.ended else now.run)


def _under_way(run: Run | None) -> bool:
    return run is not None and run.state in ACTIVE


def _button(name: str, icon: str, act: Callable[..., object], run: Run | None, bright: bool = False, width: int = WIDTH) -> None:
    """A button that does something to a run; out of use without one."""
    st.button(
        t(f"ui.{name}"), key=name, icon=icon, width=width, type="primary" if bright else "secondary", disabled=run is None,
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
