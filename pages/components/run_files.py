"""What a run keeps on the disk: its checkpoints, why they stay, and every file with its size."""

import streamlit as st

from engine.folders import shown
from engine.store import contents, keeping, settings
from engine.store.runs import Run
from engine.strings import figures
from pages.components.pulse import pulsing
from pages.components.state import store
from pages.components.words import filled, t


def show(run: Run) -> None:
    """Checkpoints on the left, all files on the right; renewed while the run is under way."""
    if run.state.ended:
        _draw(run.id)
    else:
        _live(run.id)


@pulsing
def _live(number: int) -> None:
    _draw(number)


def _draw(number: int) -> None:
    left, right = st.columns([46, 54], gap="large")
    with left:
        _checkpoints(number)
    with right.container(key="all-files"):
        _files(number)


def _checkpoints(number: int) -> None:
    import pandas as pd

    st.subheader(t("run.files.checkpoints"), anchor=False)
    kept = keeping.of(store(), number)
    if kept:
        best = next((one.name for one in kept if one.best), None)
        rows = [[one.name, one.epoch, one.step, "★" if one.name == best else "", figures.size(one.bytes)] for one in kept]
        names = [filled(f"run.files.{name}") for name in ("name", "epoch", "step", "best", "size")]
        st.dataframe(pd.DataFrame(rows, columns=names), hide_index=True, key="checkpoints")
    else:
        st.caption(t("run.files.checkpoints_none"))
    st.caption(t("run.files.why"))
    every = int(settings.get(store(), settings.KEEP_EVERY))
    if every:
        st.caption(t("run.files.every", every=every))


def _files(number: int) -> None:
    import pandas as pd

    st.subheader(t("run.files.all"), anchor=False)
    found = contents.listing(store(), number)
    if not found:
        st.caption(t("run.files.none"))
        return
    rows = [[one.file, filled(one.key, **one.fields) if one.key else "", figures.size(one.bytes)] for one in found]
    names = [filled(f"run.files.{name}") for name in ("file", "what", "size")]
    st.dataframe(pd.DataFrame(rows, columns=names), hide_index=True, key="files", height="content")
    total = figures.size(sum(one.bytes for one in found))
    st.caption(t("run.files.total", count=len(found), size=total, folder=shown(str(store().home.run(number)))))
