"""What the processes of a run have printed, and how its attempts ended. Reads the end of the file only."""

from typing import Literal

import streamlit as st

from engine.commands.output import shown_whole
from engine.store import attempts, logs, runs
from engine.store.attempts import Past
from engine.store.runs import Run
from engine.strings import figures
from pages.components.pulse import pulsing
from pages.components.state import store
from pages.components.words import filled, named, t

# Lines and bytes on the screen, bytes of a download, pixels.
LINES, SHOWN, WHOLE, HEIGHT = 500, 200_000, 50 * 2**20, 560
# So many lines of so many characters are shown without a frame that scrolls.
FEW, WIDE = 24, 150


def show(run: Run) -> None:
    """Attempts where there was more than one, then the log."""
    if run.state.ended:
        _draw(run)
    else:
        _live(run.id)


@pulsing
def _live(number: int) -> None:
    _draw(runs.get(store(), number))


def _draw(run: Run) -> None:
    told = attempts.told(store(), run.id)
    if len(told) > 1:
        _attempts(told)
    try:
        text = logs.tail(store().home.log(run.id), LINES, SHOWN)
    except FileNotFoundError:
        st.caption(t("run.log.none"))
        return
    except OSError:
        st.caption(t("run.log.unreadable"))
        return
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.caption(t("run.log.last_ended" if run.state.ended else "run.log.last", count=LINES), width="content")
        st.download_button(
            t("run.log.download"), lambda: logs.end(store().home.log(run.id), WHOLE), f"run-{run.id}.log.txt", "text/plain",
            key="download-log", icon=":material/download:", on_click="ignore",
        )  # fmt: skip
    height: int | Literal["content"] = HEIGHT if text.count("\n") > FEW or len(text) > FEW * WIDE else "content"
    with st.container(height=height, border=False, autoscroll=True, key="log"):
        st.code(shown_whole(text) or " ", language=None, wrap_lines=True)


def _attempts(told: list[Past]) -> None:
    import pandas as pd

    st.subheader(t("run.log.attempts"), anchor=False)
    columns = {name: filled(f"run.log.{name}") for name in ("attempt", "state", "lasted", "reason")}
    frame = pd.DataFrame([_attempt(past) for past in told]).rename(columns=columns)
    widths = {
        columns["attempt"]: st.column_config.NumberColumn(width="small"),
        columns["reason"]: st.column_config.TextColumn(width="large"),
    }
    st.dataframe(frame, hide_index=True, key="attempts", column_config=widths)


def _attempt(past: Past) -> dict[str, object]:
    lasted = None if past.ended_at is None else max(0.0, past.ended_at - past.created_at)
    reason = "" if past.reason is None else filled(past.reason["key"], **named(past.reason["fields"]))
    return {"attempt": past.number, "state": filled(f"ui.state.{past.state}"), "lasted": figures.duration(lasted), "reason": reason}
