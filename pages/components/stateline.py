"""One line under the transport: which run is on the screen, how it stands, and in a few words why. Always there, so nothing moves."""

from typing import Any, Literal

import streamlit as st

from engine.store import runs
from engine.store.runs import FAULTS, UNDER_WAY, Run, State
from engine.strings import figures
from pages.components import situation, state
from pages.components.situation import Situation
from pages.components.state import store
from pages.components.words import reason, t

# Pixels, also while there is nothing at its end; a phone needs two lines.
HEIGHT = 28


def show(now: Situation, engine: str) -> None:
    """Draw the line; `engine` is said instead of the reason when the engine is missing."""
    height: Literal["content"] | int = "content" if state.on_phone() else HEIGHT
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", height=height, border=False, key="state"
    ):
        st.markdown(_line(now, engine), width="content")
        before = None if now.run is None or not now.run.summary.get("epoch") else _other(now.run)
        if now.run is not None and before is not None:
            compared = {state.COMPARED: f"{now.run.id},{before}"}
            st.page_link("compare.py", label=t("ui.compare_with", run=before), query_params=compared)


def _other(run: Run) -> int | None:
    """The run to compare with: the one that it is a changed copy of, else the one before."""
    return next(iter(runs.parents(store(), run.id)), None) or runs.before(store(), run.id)


def _line(now: Situation, engine: str) -> str:
    if now.run is None:
        return f":orange[{engine}]" if engine else f":gray-badge[{t('ui.no_run')}]"
    word, colour = situation.chip(now)
    said = f":orange[{engine}]" if engine else f":gray[{_why(now, now.run)}]"
    return f":{colour}-badge[{word}] &nbsp;{_number(now.run)} &nbsp;{said}"


def _number(run: Run) -> str:
    number = t("ui.run", run=run.id)
    return number if run.attempt < 2 else f"{number}, {t('ui.attempt', attempt=run.attempt)}"


def _why(now: Situation, run: Run) -> str:
    """The reason where it is short; what went wrong stands on the card, with what to do."""
    if now.crashed:
        return t("ui.tried_again")
    if run.state is State.QUEUED:
        return t("ui.place", place=now.ahead + 1) if now.ahead else t("ui.next")
    if run.state not in FAULTS and run.reason is not None:
        return reason(run)
    stage = run.summary.get("stage")
    if run.state in UNDER_WAY and stage:
        return _stage(stage)
    parameters = run.summary.get("parameters")
    return "" if parameters is None else t("ui.parameters", parameters=figures.count(parameters))


def _stage(stage: dict[str, Any]) -> str:
    """Which layers learn now, and whether the frozen ones are asked every time."""
    learning = stage["layers"] - stage["frozen"]
    who = t("ui.stage.last_one") if learning == 1 else t("ui.stage.last" if stage["frozen"] else "ui.stage.all", count=learning)
    if stage["stages"] > 1:
        who = t("ui.stage.numbered", number=stage["number"], stages=stage["stages"], who=who)
    return who if stage["computed"] == "nothing" else t(f"ui.stage.{stage['computed']}", who=who)
