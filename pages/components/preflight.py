"""The pre-flight line: what keeps the form from being started, else what the servant has measured of it. Never waits for that."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from engine.errors import BadInput, StoreError
from engine.jobs import asking
from engine.store.requests import Answer
from engine.strings import figures
from pages.components import knobs, state
from pages.components.pulse import pulsing
from pages.components.state import store
from pages.components.words import named, problem, t

# Two lines that hold the place of what will be measured.
RESERVED = "&nbsp;  \n&nbsp;"
SCALES = (("G", 1e9), ("M", 1e6), ("k", 1e3))


@pulsing
def show() -> None:
    """Two quiet lines, or a warning."""
    with st.container(key="preflight"):
        try:
            form = knobs.read().flat()
        except BadInput as error:
            st.warning(problem(error), icon=":material/info:")
            return
        found = _measured(form)
        if found is not None and found.reason is not None:
            st.caption(t(found.reason["key"], **named(found.reason["fields"])))
        elif found is not None and found.answer is not None:
            _tell(found.answer)
        else:
            st.caption(RESERVED if found is None else f"{t('ui.preflight.measuring')}  \n&nbsp;")


def _measured(form: dict[str, Any]) -> Answer | None:
    """The answer about this form when it is there. Asked a pulse after the form changed, so that a moving slider asks nothing."""
    known, key = state.probed()
    if known != form:
        state.probe(form, None)
        return None
    try:
        if key is None:
            key = asking.ask(store(), "probe", {"config": form}, state.tab())
            state.probe(form, key)
        found = asking.answer(store(), key)
    except (StoreError, OSError):
        return None  # the line is a courtesy: whoever presses Start is told what is wrong
    if found is None:
        state.probe(form, None)
        return None
    return found


def _tell(found: Mapping[str, Any]) -> None:
    memory, speed = found.get("memory") or {}, found.get("speed") or {}
    network = [("parameters", figures.count(found.get("parameters"))), ("flops", _flops(found.get("flops")))]
    training = [
        ("memory", _megabytes(memory.get("peak"))),
        ("speed", figures.count(speed.get("expected"))),
        ("time", figures.duration(speed.get("seconds"))),
    ]
    if found.get("beside"):
        training.append(("beside", ""))
    lines = [[t(f"ui.preflight.{name}", value=value) for name, value in parts if value != "—"] for parts in (network, training)]
    st.caption("  \n".join(" · ".join(line) or "&nbsp;" for line in lines))
    if memory.get("peak", 0) > memory.get("free", float("inf")):
        st.warning(t("ui.preflight.too_big", free=_megabytes(memory["free"]), batch=memory.get("largest_batch", 0)), icon=":material/info:")


def _flops(count: float | None) -> str:
    """`1.2 M`, `0.08 G` as one would say it before FLOP."""
    if count is None:
        return "—"
    letter, scale = next((one for one in SCALES if count >= one[1]), ("", 1))
    return f"{count / scale:.3g}{figures.NBSP}{letter}"


def _megabytes(count: float | None) -> str:
    return "—" if count is None else f"{count / 1e6:,.0f}{figures.NBSP}MB"
