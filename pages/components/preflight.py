"""What the servant says of the form before it is started: the size of the network, and the run as measured on this machine.

What keeps the form from being started is said in its place. Never waits for an answer.
"""

from collections.abc import Mapping
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from engine.errors import BadInput
from engine.store.requests import Answer
from engine.strings import figures
from pages.components import answers, knobs
from pages.components.words import problem, t

BLANK = "&nbsp;"
# Pixels: two lines, or three of a warning.
HEIGHT = 84


def show_network() -> None:
    """One quiet line under the architecture: parameters, and work for a picture."""
    if _against() is None:
        answers.follow(lambda: answers.about("facts"), _network)
    else:
        st.caption(BLANK)


def _network(found: Answer | None) -> None:
    """The line; where layers are frozen, whether they are asked once or every time. Or why there is no such network."""
    if found is not None and found.reason is not None and not answers.is_open(found):
        _warn(answers.sentence(found))
        return
    shown = answers.shown("facts", found)
    answer = None if shown is None else shown.answer
    st.caption(BLANK if answer is None else _line(answer, ("parameters", "flops")))
    config = knobs.read()
    if config.stages.freezes:
        why = "augmentation" if config.augmentation.varies else "once" if answer is None or answer["separable"] else "inside"
        st.caption(t(f"ui.stages.{why}"))
        if config.stages.freezes_for_good and config.model.weights == "none":
            _warn(t("ui.stages.random"))
        elif answer is not None and answer["drawn"] is not None:
            _warn(t("ui.stages.drawn", layer=answer["drawn"]))


def show() -> None:
    """A box of fixed height: what was measured, or what speaks against starting; empty where there is no such network, as is said above."""
    against = _against()
    if against is None and answers.refusal() is None:
        answers.follow(lambda: answers.about("probe", patience=0), _measured)
        return
    with _box():
        if against is None:
            st.caption(BLANK)
        else:
            _warn(against)


def _against() -> str | None:
    """Why the form cannot be asked about at all."""
    try:
        knobs.read()
    except BadInput as error:
        return problem(error)
    return None


def _box() -> DeltaGenerator:
    return st.container(border=True, height=HEIGHT, key="preflight")


def _warn(text: str) -> None:
    st.markdown(f":small[:orange[:material/info: {text}]]")


def _measured(found: Answer | None) -> None:
    with _box():
        if found is not None and found.reason is not None:
            _warn(answers.sentence(found))
        elif found is not None and found.answer is not None:
            _tell(found.answer)
        else:
            st.caption(t("ui.preflight.measuring"))


def _tell(found: Mapping[str, Any]) -> None:
    memory, speed = found.get("memory") or {}, found.get("speed") or {}
    peak, free = memory.get("peak", 0), memory.get("free", float("inf"))
    how, freezes = "beside" if found.get("beside") else "measured", knobs.read().stages.freezes
    st.caption(t(f"ui.preflight.{how}_all" if freezes else f"ui.preflight.{how}"))
    # How long all layers take is not how long a run takes in which some are frozen.
    told = {"memory": peak or None, "speed": speed.get("expected"), "time": None if freezes else speed.get("seconds")}
    if peak <= free:
        st.markdown(_line(told, ("memory", "speed", "time"), ", "))
        return
    batch = memory.get("largest_batch", 0)
    key = "ui.preflight.too_big" if batch else "ui.preflight.too_big_for_any"
    _warn(t(key, peak=figures.size(peak), free=figures.size(free), batch=batch))


WRITTEN = {
    "parameters": figures.count, "flops": figures.flops, "memory": figures.size, "speed": figures.count, "time": figures.duration,
}  # fmt: skip


def _line(values: Mapping[str, Any], names: tuple[str, ...], between: str = " · ") -> str:
    """What is known of these, each with its unit."""
    known = [t(f"ui.preflight.{name}", value=WRITTEN[name](values[name])) for name in names if values.get(name) is not None]
    return between.join(known) or BLANK
