"""What is to be said of the data, a line each: warnings in amber first, then what is well, quietly. Never waits for it."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from engine.strings import figures
from pages.components import answers
from pages.components.pulse import renewing
from pages.components.state import PULSE
from pages.components.words import t

# Lines whose place is held: of data with nothing to say against it.
RESERVED = 3
MARKS = {"good": ":green[:material/check:] {}", "warn": ":orange[:material/info:] {}"}


def show() -> None:
    """The lines about the dataset that the form names, a pulse after it was chosen; until then their place."""
    found = answers.about("overview", patience=0)
    renewing(_part, PULSE if answers.is_open(found) else None)()


def _part() -> None:
    shown = answers.shown("overview", answers.about("overview", patience=0))
    draw([] if shown is None or shown.answer is None else shown.answer["audit"])


def draw(findings: Sequence[dict[str, Any]]) -> None:
    """The lines of these findings."""
    write([line(finding) for finding in findings])


def write(lines: list[str]) -> None:
    """Lines in their place, which is held where there are fewer."""
    with st.container(key="audit", gap=None):
        st.caption("  \n".join(lines + ["&nbsp;"] * (RESERVED - len(lines))))


def line(finding: dict[str, Any]) -> str:
    """A finding as Markdown: its mark and its sentence."""
    fields = {name: figures.count(value) if isinstance(value, int) else value for name, value in finding["fields"].items()}
    return MARKS[finding["level"]].format(t(finding["key"], **fields))
