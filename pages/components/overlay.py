"""The curves of the chosen runs over each other: the one place that knows how the chart wants them. Also their colours."""

from collections.abc import Sequence

import streamlit as st

from pages.components import live_chart
from pages.components.live_chart import OVERLAY_DARK, OVERLAY_LIGHT
from pages.components.state import dark, language
from pages.components.words import t

# Lines that a chart can be read with, and that the browser draws well.
MOST = 100

Group = tuple[str, list[int]]


def show(groups: Sequence[Group]) -> None:
    """Draw the groups, each a label and its runs, in the colours that `colours` gives them."""
    if not groups:
        st.caption(t("compare.no_curves"))
        return
    with st.container(border=True, key="overlay"):
        live_chart.show_overlay(groups[:MOST], key="overlay-chart", language=language())
    if len(groups) > MOST:
        st.caption(t("compare.overlay_most", most=MOST, count=len(groups)))


def colours(count: int) -> list[str]:
    """As many colours as there are groups, in the chart's order; beyond its end they begin anew."""
    ours = OVERLAY_DARK if dark() else OVERLAY_LIGHT
    return [ours[place % len(ours)] for place in range(count)]
