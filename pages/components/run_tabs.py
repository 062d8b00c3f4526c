"""The tabs of a page, of which only the open one does any work; it stands in the address by a name of no language."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

import streamlit as st

from engine.store.runs import Run
from pages.components.state import choose_tab, language, open_tab
from pages.components.words import t

Draw = Callable[[Run], None]


def show(tabs: Mapping[str, Draw]) -> tuple[AbstractContextManager[object], Draw]:
    """Draw the tabs; the open one, and what draws into it."""
    labels = {slug: t(f"run.tab.{slug}") for slug in tabs}
    key = f"run-tabs-{language()}"
    default = labels[open_tab(list(tabs))]
    drawn = st.tabs(list(labels.values()), key=key, default=default, on_change=_chosen, args=(key, labels))
    return next(((tab, draw) for tab, draw in zip(drawn, tabs.values(), strict=True) if tab.open), (drawn[0], next(iter(tabs.values()))))


def _chosen(key: str, labels: Mapping[str, str]) -> None:
    slugs = {label: slug for slug, label in labels.items()}
    choose_tab(slugs[st.session_state[key]], next(iter(labels)))
