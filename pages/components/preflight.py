"""What the servant says of the form before it is started: the size of the network, and the run as measured on this machine.

What keeps the form from being started is said in its place. Never waits for an answer.
"""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from engine.errors import BadInput
from engine.strings import figures
from pages.components import answers, knobs
from pages.components.pulse import pulsing, resting
from pages.components.words import named, problem, t

BLANK = "&nbsp;"


def show_network() -> None:
    """One quiet line under the architecture: parameters, and work for a picture."""
    (pulsing if _fits() and answers.is_open(answers.about("facts")) else resting)(_network)()


def _network() -> None:
    found = answers.about("facts") if _fits() else None
    shown = None if found is None else found.answer
    st.caption(BLANK if shown is None else _line(shown, ("parameters", "flops")))


def show() -> None:
    """A box of fixed height: what was measured, or what speaks against starting."""
    (pulsing if _fits() and answers.is_open(answers.about("probe", patience=0)) else resting)(_box)()


def _box() -> None:
    with st.container(border=True, key="preflight"):
        try:
            knobs.read()
        except BadInput as error:
            st.markdown(f":orange[:material/info: {problem(error)}]")
            return
        found = answers.about("probe", patience=0)
        if found is not None and found.reason is not None:
            st.markdown(f":orange[:material/info: {t(found.reason['key'], **named(found.reason['fields']))}]")
        elif found is not None and found.answer is not None:
            _tell(found.answer)
        else:
            st.caption(t("ui.preflight.measuring"))
            st.markdown(BLANK)


def _fits() -> bool:
    """Whether the form can be asked about at all."""
    try:
        knobs.read()
    except BadInput:
        return False
    return True


def _tell(found: Mapping[str, Any]) -> None:
    memory, speed = found.get("memory") or {}, found.get("speed") or {}
    peak, free = memory.get("peak", 0), memory.get("free", float("inf"))
    st.caption(t("ui.preflight.beside" if found.get("beside") else "ui.preflight.measured"))
    told = {"memory": peak or None, "speed": speed.get("expected"), "time": speed.get("seconds")}
    if peak <= free:
        st.markdown(_line(told, ("memory", "speed", "time"), ", "))
        return
    batch = memory.get("largest_batch", 0)
    key = "ui.preflight.too_big" if batch else "ui.preflight.too_big_for_any"
    st.markdown(f":orange[:material/info: {t(key, peak=figures.megabytes(peak), free=figures.megabytes(free), batch=batch)}]")


WRITTEN = {
    "parameters": figures.count, "flops": figures.flops, "memory": figures.megabytes, "speed": figures.count, "time": figures.duration,
}  # fmt: skip


def _line(values: Mapping[str, Any], names: tuple[str, ...], between: str = " · ") -> str:
    """What is known of these, each with its unit."""
    known = [t(f"ui.preflight.{name}", value=WRITTEN[name](values[name])) for name in names if values.get(name) is not None]
    return between.join(known) or BLANK
