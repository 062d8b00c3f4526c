"""The right column of the Playground: transport, numbers, curves, verdict of one run, or of none yet."""

from typing import Any

import streamlit as st

from engine.errors import AthanorError, BadInput, NotFound
from engine.jobs import launch
from engine.store import runs
from engine.store.runs import Run
from engine.strings import figures
from pages.components import knobs, live_chart, state, verdict_card
from pages.components.state import Message, language, store
from pages.components.words import problem, reason, t

# Seconds between two looks at the numbers of a live run.
PULSE = 1.0
# Pixels; with the card beneath it the page fits a window of 1440 x 900.
CHART_HEIGHT = 290


def show() -> None:
    """Everything about the run that the URL names."""
    run = _shown()
    _transport(run)
    _message()
    if run is None or run.state.ended:
        _numbers(run)
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
        state.tell(Message(problem(error)))
        return None


def _transport(run: Run | None) -> None:
    live = run is not None and not run.state.ended
    with st.container(horizontal=True, vertical_alignment="center", key="transport"):
        st.button(t("ui.start"), key="start", type="primary", icon=":material/play_arrow:", disabled=live, on_click=_start)
        st.button(t("ui.stop"), key="stop", icon=":material/stop:", disabled=not live, on_click=_stop)
        if run is not None:
            st.markdown(f":gray[{t('ui.run', run=run.id)}]", width="content")
            before = runs.before(store(), run.id)
            if before is not None:
                st.page_link("compare.py", label=t("ui.compare_with", run=before), query_params={state.COMPARED: f"{run.id},{before}"})


def _start() -> None:
    """Check the form, queue the run, show it."""
    try:
        config = knobs.read()
        state.show_run(launch.submit(store(), config, state.launch_key()))
        state.launched()
    except BadInput as error:
        state.tell(Message(problem(error)))


def _stop() -> None:
    number = state.shown_run()
    if number is not None:
        try:
            launch.stop(store(), number)
        except AthanorError as error:
            state.tell(Message(problem(error)))


def _message() -> None:
    message = state.told()
    if message is not None:
        st.warning(message.text, icon=":material/info:")


@st.fragment(run_every=PULSE)
def _live_numbers(number: int) -> None:
    run = runs.get(store(), number)
    _numbers(run)
    if run.state.ended:
        st.rerun()


@st.fragment(run_every=PULSE)
def _live_verdict(number: int) -> None:
    verdict_card.show(runs.get(store(), number))


def _numbers(run: Run | None) -> None:
    """Two big numbers, and how far the run is."""
    summary = {} if run is None else run.summary
    validation, training, progress = st.columns([1, 1, 1.15], gap="medium")
    with validation:
        _number("ui.validation_loss", summary.get("last_val_loss"), summary.get("val_loss"))
    with training:
        _number("ui.training_loss", summary.get("last_probe_loss"), None)
    with progress:
        _progress(run)


def _number(label: str, value: float | None, best: float | None) -> None:
    """A loss as a big number; red beneath it when it has risen above its best."""
    note: dict[str, Any] = {"delta": t("ui.nothing_yet"), "delta_color": "off", "delta_arrow": "off"}
    if value is not None:
        risen = best is not None and value > best
        note["delta"] = (
            t("ui.above_best", difference=figures.loss(value - best))
            if risen and best is not None
            else t("ui.at_best")
            if best is not None
            else None
        )
        note |= {"delta_color": "red", "delta_arrow": "up"} if risen else {}
    st.metric(t(label), figures.loss(value), **note, help=t(f"{label}_help"))


def _progress(run: Run | None) -> None:
    if run is None:
        st.markdown(f":gray[{t('ui.nothing_yet')}]")
        return
    summary = run.summary
    done, planned = summary.get("epoch", 0), summary.get("epochs", run.knobs["epochs"])
    st.markdown(t("ui.epoch_of", epoch=done, epochs=planned))
    st.progress(min(1.0, done / planned))
    st.caption(_where(run))


def _where(run: Run) -> str:
    """What the run is doing, or how it ended, in a few words."""
    said = reason(run) or _preparing(run)
    if said:
        return said
    if run.state.ended or "seconds" not in run.summary:
        return (
            t("ui.ended", state=t(f"ui.state.{run.state}"), time=figures.duration(run.summary.get("seconds")))
            if run.state.ended
            else t(f"ui.state.{run.state}")
        )
    gone = run.summary["seconds"]
    done, planned = run.summary["epoch"], run.summary["epochs"]
    return t("ui.gone_left", gone=figures.duration(gone), left=figures.duration(gone / done * (planned - done) if done else None))


def _preparing(run: Run) -> str:
    """How far the pictures are, before the first step."""
    now = run.summary.get("preparing")
    if not now or run.state.ended:
        return ""
    megabytes, share = f"{now['done'] / 1e6:.0f}", figures.percent(now["done"] / max(now["total"], 1), 0)
    return t(f"ui.preparing.{now['what']}", megabytes=megabytes, share=share)
