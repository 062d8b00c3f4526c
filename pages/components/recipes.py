"""Recipes to begin with: a menu over the form, and three of them on the card before the first run. Each says what it shows."""

import streamlit as st

from engine.presets import PRESETS
from pages.components import form
from pages.components.words import t

# What a newcomer should see first: how it looks when it goes wrong, twice, and when it goes well.
FIRST = ("memorises", "too_fast", "well_tuned")


def menu() -> None:
    """A quiet button that opens them all."""
    with st.popover(t("presets.title"), icon=":material/bookmark:", type="tertiary"):
        for name in PRESETS:
            _one(name, f"preset-{name}", "why")


def first() -> None:
    """Three beside each other."""
    st.markdown(t("ui.card.recipes"))
    for column, name in zip(st.columns(len(FIRST), gap="small"), FIRST, strict=True):
        with column:
            _one(name, f"first-{name}", "brief")


def _one(name: str, key: str, what: str) -> None:
    why = t(f"presets.{name}.why")
    st.button(t(f"presets.{name}.label"), key=key, width="stretch", help=why, on_click=form.begin_with, args=(name,))
    st.caption(t(f"presets.{name}.{what}"))
