"""The numbers over the curves: two losses, and how far the run is. Reads one run, asks for nothing."""

from typing import Literal

import streamlit as st

from engine.store.runs import UNDER_WAY, Run
from engine.strings import figures
from pages.components.words import t

# Red is for a loss whose rise the verdict speaks of; above its best by noise is no news.
RISING = ("overfitting", "watch", "diverged")


def show(run: Run | None) -> None:
    """Two big numbers and the progress; the same skeleton before the first run, so that nothing moves at Start."""
    losses, progress = st.columns([2.05, 1.15], gap="medium")
    validation, training = losses.columns(2, gap="medium", wrap=False)
    with validation:
        _loss(run, "validation")
    with training:
        _loss(run, "training")
    with progress:
        _progress(run)


def _loss(run: Run | None, part: str) -> None:
    """A loss as a big number; red beneath it when it has risen and the verdict speaks of that."""
    summary = {} if run is None else run.summary
    value = summary.get("last_val_loss" if part == "validation" else "last_probe_loss")
    best = summary.get("val_loss") if part == "validation" else None
    nothing = t("ui.not_finite" if summary.get("epoch") else "ui.nothing_yet")
    said = nothing if value is None else _beside_best(value, best)
    alarm = value is not None and best is not None and value > best and summary.get("verdict") in RISING
    colour: Literal["red", "off"] = "red" if alarm else "off"
    arrow: Literal["up", "off"] = "up" if alarm else "off"
    label = f"ui.{part}_loss"
    st.metric(t(label), figures.loss(value), said, delta_color=colour, delta_arrow=arrow, help=t(f"{label}_help"))


def _beside_best(value: float, best: float | None) -> str | None:
    if best is None:
        return None
    return t("ui.above_best", difference=figures.loss(value - best)) if value > best else t("ui.at_best")


def _progress(run: Run | None) -> None:
    if run is None:
        st.markdown(t("ui.epoch_none"))
        st.progress(0.0)
        st.caption(t("ui.nothing_yet"))
        return
    done, planned = run.summary.get("epoch", 0), run.summary.get("epochs", run.knobs["epochs"])
    st.markdown(t("ui.epoch_of", epoch=done, epochs=planned))
    st.progress(min(1.0, done / planned))
    st.caption(_where(run))


def _where(run: Run) -> str:
    """How long it has trained, and how long it will; pauses and waiting do not count."""
    gone = run.summary.get("seconds")
    if run.state not in UNDER_WAY:
        state = t(f"ui.state.{run.state}")
        return t("ui.ended", state=state, time=figures.duration(gone)) if gone else state
    if gone is None or run.seconds_left is None:
        return _preparing(run) or t(f"ui.state.{run.state}")
    return t("ui.gone_left", gone=figures.duration(gone), left=figures.duration(run.seconds_left))


def _preparing(run: Run) -> str:
    """How far the pictures are, before the first step."""
    now = run.summary.get("preparing")
    if not now:
        return ""
    megabytes, share = f"{now['done'] / 1e6:.0f}", figures.percent(now["done"] / max(now["total"], 1), 0)
    return t(f"ui.preparing.{now['what']}", megabytes=megabytes, share=share)
