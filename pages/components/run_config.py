"""What a run was started with, how it computes, what weights it began with, and how to start it again. Changes nothing."""

from typing import Any
from urllib.parse import urlencode

import streamlit as st

from engine import catalog
from engine.commands.knobs import command_line
from engine.config import KNOBS
from engine.config.model import RUN
from engine.config.optimisation import FUSED
from engine.store import records, runs
from engine.store.runs import Run, number_of
from engine.strings import figures, inherited
from pages.components import form
from pages.components.knobs import value_label
from pages.components.state import language, on_phone, store
from pages.components.words import filled, plain, t

# Pixels of a row of the table.
ROW = 28
# Where the pictures of a run may lie.
DATA_IN = ("memory", "blocks")
# What a switch of the numerics means on and off.
CHOICES = {
    "channels_last": ("memory_last", "memory_first"), "deterministic": ("yes", "no"), "fused": ("fused_yes", "fused_no"),
    "compiled": ("yes", "no"),
}  # fmt: skip


def show(run: Run) -> None:
    """Every knob on the left; numerics, weights that were not drawn and the same run again on the right."""
    if on_phone():  # the long table comes last where everything is in one column
        right, left = st.columns([46, 54], gap="large")
    else:
        left, right = st.columns([54, 46], gap="large")
    with left:
        _knobs(run)
    with right:
        _numerics(run)
        if run.knobs.get("weights", "none") != "none":
            _began_with(run)
        _again(run)


def _knobs(run: Run) -> None:
    import pandas as pd

    network = catalog.ARCHITECTURES.get(str(run.knobs.get("architecture")))
    rows = [_row(name, run.knobs.get(name)) for name in KNOBS if network is None or network.obeys(name)]
    st.subheader(t("run.config.knobs"), anchor=False)
    st.caption(t("run.config.fixed" if run.state.ended else "run.config.fixed_running"))
    head = [filled("ui.column.knob"), filled("run.config.value"), filled("run.config.default")]
    height = ROW * (len(rows) + 1) + 3
    st.dataframe(pd.DataFrame(rows, columns=head), hide_index=True, key="config", height=height, row_height=ROW)
    st.caption(t("run.config.marked", count=sum(bool(default) for _, _, default in rows), total=len(rows)))


def _row(name: str, value: Any) -> tuple[str, str, str]:
    """Label, value, and the default where that is another."""
    default = KNOBS[name].default
    return filled(f"knobs.{name}.label"), value_label(name, value), "" if value == default else value_label(name, default)


def _numerics(run: Run) -> None:
    st.subheader(t("run.config.numerics"), anchor=False)
    if not run.numerics:
        st.caption(t("run.config.numerics_none"))
        return
    with st.container(gap=None, key="numerics"):
        for label, value in _computed(run):
            name, what = st.columns([34, 66], gap="small", wrap=False)
            name.markdown(f":gray[{label}]")
            what.markdown(value)
    st.caption(t("run.config.numerics_what"))


def _computed(run: Run) -> list[tuple[str, str]]:
    """How the run computes, as far as it says so: a run of an older Athanor may not."""
    numerics, optimizer = run.numerics or {}, value_label("optimizer", run.knobs["optimizer"])
    said: dict[str, str] = {name: plain(str(numerics[name])) for name in ("device", "threads", "replicas", "precision") if name in numerics}
    for name, (true, false) in CHOICES.items():
        if name in numerics:
            on = numerics[name] and (name != "fused" or run.knobs["optimizer"] in FUSED)
            said[name] = t(f"run.numerics.{true if on else false}", name=optimizer)
    if run.summary.get("data_in") in DATA_IN:
        said["data_in"] = t(f"run.numerics.data_{run.summary['data_in']}")
    return [(t(f"run.numerics.{name}"), value) for name, value in said.items()]


def _began_with(run: Run) -> None:
    """Where its weights came from, and once it has started, how many of them it took."""
    weights, told = str(run.knobs["weights"]), run.summary.get("weights")
    donor = number_of(weights.removeprefix(RUN)) if weights.startswith(RUN) else None
    name = plain(value_label("weights", weights))
    st.subheader(t("run.config.began_with"), anchor=False)
    if donor is None:
        st.markdown(name)
    elif runs.among(store(), [donor]):
        st.markdown(f"[{name}](run?id={donor})")
    else:
        st.markdown(t("run.config.donor_gone", run=donor))
    if told:
        share, tensors = figures.percent(told["share"]), told["taken"] + told["left"]
        st.caption(t("run.config.taken" if told["left"] else "run.config.taken_whole", share=share, left=told["left"], tensors=tensors))
    event = records.last_event(store(), run.id, "weights")
    if left := inherited.left(inherited.not_taken(None if event is None else event.data), language()):
        with st.expander(t("run.config.not_taken")):
            st.caption("  \n".join(map(plain, left)))


def _again(run: Run) -> None:
    st.subheader(t("run.config.again"), anchor=False)
    st.caption(t("run.config.again_what"))
    st.code(command_line(run.knobs), language=None, wrap_lines=True)
    st.markdown(filled("run.config.address", address=f"playground?{_query(run)}"))


def _query(run: Run) -> str:
    """What differs from the defaults, as the Playground reads it; nothing in it can end a Markdown link."""
    changed = {form.key(name): str(value) for name, value in run.knobs.items() if name in KNOBS and value != KNOBS[name].default}
    return urlencode(changed).replace("_", "%5F").replace("*", "%2A").replace("~", "%7E")
