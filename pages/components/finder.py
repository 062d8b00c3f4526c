"""Finding runs in the table: a search, filters, and which columns it has. What is set stands in the URL."""

from collections.abc import Mapping, Sequence
from functools import partial

import streamlit as st

from engine import strings
from engine.store.overview import Row
from engine.studies.sifting import KINDS, MOST, sift
from pages.components.columns import CHOOSABLE, column_word
from pages.components.knobs import value_label
from pages.components.remembered import choices
from pages.components.state import language, link, recall
from pages.components.words import t

SEARCH = "search"
COLUMNS = "columns"
# How long typing rests before the table follows.
LIVE = "100ms"


def show(known: Sequence[Row]) -> list[Row]:
    """Draw search and filters; the runs that they leave, newest first."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="finder"):
        st.text_input(
            t("compare.search"), key=SEARCH, max_chars=MOST, placeholder=t("compare.search_hint", count=len(known)),
            icon=":material/search:", label_visibility="collapsed", bind="query-params", live=LIVE, width="stretch",
        )  # fmt: skip
        set_now = sum(bool(st.session_state.get(f"filter-{kind}")) for kind in KINDS)
        label = t("compare.filter_set", count=set_now) if set_now else t("compare.filter")
        with st.popover(label, icon=":material/filter_list:", key="filters"):
            _filters(choices(known))
        with st.popover(t("compare.columns"), icon=":material/view_column:", key="columns-menu"):
            asked = recall(COLUMNS, CHOOSABLE, [])
            st.multiselect(
                t("compare.columns_more"), CHOOSABLE, asked, key=COLUMNS, format_func=column_word,
                help=t("compare.columns_help"), placeholder=t("compare.columns_differ"), width=300,
            )  # fmt: skip
            link(COLUMNS, [])
    return sift(known, _searched(), _wanted())


def _filters(there: Mapping[str, list[str]]) -> None:
    for kind in KINDS:
        key = f"filter-{kind}"
        options = sorted({*there[kind], *st.session_state.get(key, ())})  # a filter stays when the last that it lets through has gone
        asked = recall(key, options, [])
        st.multiselect(
            _kind(kind), options, asked, key=key, format_func=partial(option_label, kind), placeholder=t("compare.any"), width=300,
            disabled=not options,
        )  # fmt: skip
        link(key, [])


def _searched() -> str:
    return st.session_state.get(SEARCH) or ""


def _wanted() -> dict[str, list[str]]:
    return {kind: st.session_state.get(f"filter-{kind}") or [] for kind in KINDS}


def columns() -> list[str]:
    """The columns that were asked for besides what differs."""
    return st.session_state.get(COLUMNS) or []


def clear() -> None:
    """Take back search and filters. For callbacks."""
    st.session_state[SEARCH] = ""
    for kind in KINDS:
        st.session_state[f"filter-{kind}"] = []


def nothing_found() -> None:
    """Say that nothing was found, and how to see all again."""
    with st.container(border=True, key="nothing-found"):
        st.markdown(f"**{t('compare.nothing_found')}**")
        st.caption(t("compare.nothing_found_how"))
        st.button(t("compare.clear"), key="clear-search", on_click=clear)


def option_label(kind: str, value: str) -> str:
    """A value of a filter as people call it."""
    if kind in ("dataset", "architecture"):
        return value_label(kind, value)
    key = f"ui.state.{value}" if kind == "state" else f"verdict.{value}.title"
    return value if kind == "tag" or not strings.known(key) else strings.say(key, language())


def _kind(kind: str) -> str:
    return t("ui.column.state") if kind == "state" else t("compare.kind.tag") if kind == "tag" else column_word(kind)
