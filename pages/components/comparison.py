"""Chosen runs beside each other: one honest sentence, and the knobs in which they differ."""

from collections.abc import Sequence

import streamlit as st

from engine.config import KNOBS
from engine.errors import NotFound
from engine.store import runs
from engine.store.runs import Run, State
from engine.strings import figures
from engine.studies.difference import differing, same_validation
from pages.components.knobs import value_label
from pages.components.pulse import pulsing
from pages.components.state import RUN, compared_runs, forget_compared, store
from pages.components.words import t

PAIR = 2
# Runs with a link of their own.
MOST_WAYS = 8


def say_gone(known: Sequence[Run]) -> None:
    """Runs in the address that are no more leave it, with a sentence."""
    there = {run.id for run in known}
    gone = [number for number in compared_runs() if number not in there]
    if gone:
        forget_compared(gone)
        st.warning(t("ui.compare.gone", runs=", ".join(map(str, gone))), icon=":material/info:")


def sentence(chosen: Sequence[Run]) -> None:
    """What the numbers of two runs show, and what they do not; the page follows the states of runs that have not ended."""
    if all(run.state.ended for run in chosen):
        _draw(chosen)
    else:
        _live([(run.id, run.state) for run in chosen])


@pulsing
def _live(drawn: Sequence[tuple[int, State]]) -> None:
    try:
        chosen = [runs.get(store(), number) for number, _ in drawn]
    except NotFound:
        st.rerun()
    if any(run.state is not state for run, (_, state) in zip(chosen, drawn, strict=True)):
        st.rerun()
    _draw(chosen)


def _draw(chosen: Sequence[Run]) -> None:
    with st.container(border=True, key="sentence"):
        st.markdown(_sentence(chosen))


def _sentence(chosen: Sequence[Run]) -> str:
    if len(chosen) < PAIR:
        return t("ui.compare.choose")
    if len(chosen) > PAIR:
        return t("ui.compare.too_many", count=len(chosen))
    if not same_validation([run.knobs for run in chosen]):
        return t("ui.compare.other_data")
    if not differing([run.knobs for run in chosen]):
        return t("ui.compare.same")
    accuracies = [run.summary["val_accuracy"] for run in chosen if run.summary.get("val_accuracy") is not None]
    if len(accuracies) < PAIR:
        return t("ui.compare.unfinished")
    low, high = sorted(accuracies)
    if low == high:
        return t("ui.compare.equal", accuracy=figures.percent(high))
    better = chosen[accuracies.index(high)].id
    return t("ui.compare.one_each", better=better, high=figures.percent(high), low=figures.percent(low))


def ways(chosen: Sequence[Run]) -> None:
    """A way to the page of each chosen run."""
    with st.container(horizontal=True, gap="medium", key="ways"):
        for run in chosen[:MOST_WAYS]:
            st.page_link("run.py", label=t("run.link", run=run.id), query_params={RUN: str(run.id)})


def differences(chosen: Sequence[Run], only_differing: bool) -> None:
    """The knobs of the chosen runs, a column each."""
    import pandas as pd

    if len(chosen) < PAIR:
        return
    names = differing([run.knobs for run in chosen]) if only_differing else list(KNOBS)
    if not names:
        return
    st.subheader(t("ui.compare.what_differs" if only_differing else "ui.compare.what_is"), anchor=False)
    if names == ["seed"]:
        st.caption(t("ui.compare.only_seed"))
    rows = [
        {t("ui.column.knob"): t(f"knobs.{name}.label"), **{_head(run): value_label(name, run.knobs.get(name)) for run in chosen}}
        for name in names
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, key="differences")


def _head(run: Run) -> str:
    return t("ui.run", run=run.id)
