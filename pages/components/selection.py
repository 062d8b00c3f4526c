"""Which rows of a table are marked, whatever is searched, filtered or added: the choice is of runs and stands in the URL.

A row stands for one run, or for all runs of a recipe. The table's own marks are places; here they become runs and back.
"""

from collections.abc import Collection, Sequence
from typing import Any

import streamlit as st

from pages.components import state

Rows = Sequence[tuple[int, ...]]


def prepare(key: str, rows: Rows) -> None:
    """Take over what was clicked in the table as it was drawn last, then mark the chosen runs in the table to be drawn."""
    last, marks = state.drawn(key), st.session_state.get(key)
    if last is not None and marks is not None and sorted(_rows(marks)) != last[1]:
        choose(last[0], [place for place in _rows(marks) if place < len(last[0])])
    elif state.never_compared():
        state.compare_runs([number for row in rows[:2] for number in row])
    wanted = places(rows, state.compared_runs())
    if marks is None or sorted(_rows(marks)) != wanted:
        st.session_state[key] = {"selection": {"rows": wanted, "columns": [], "cells": []}}
    state.draw(key, list(rows), wanted)


def _rows(marks: Any) -> list[int]:
    return list(marks["selection"]["rows"])


def choose(rows: Rows, marked: Sequence[int]) -> None:
    """Make the marked rows the choice; runs that are not in the table keep their place in it."""
    before = state.compared_runs()
    after = chosen_after(before, rows, marked)
    if after != before:
        state.compare_runs(after)


def chosen_after(before: Sequence[int], rows: Rows, marked: Sequence[int]) -> list[int]:
    """The chosen runs after a click, those chosen first before those chosen later."""
    shown = {number for row in rows for number in row}
    marks = {number for place in marked for number in rows[place]}
    old = set(before)
    kept = [number for number in before if number not in shown or number in marks]
    added = [number for place in marked if not old & set(rows[place]) for number in rows[place]]
    return kept + added


def places(rows: Rows, chosen: Collection[int]) -> list[int]:
    """The places of the rows that stand for a chosen run."""
    wanted = set(chosen)
    return [place for place, row in enumerate(rows) if not wanted.isdisjoint(row)]
