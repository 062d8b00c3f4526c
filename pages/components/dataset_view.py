"""The dataset that the form names, looked at: warnings, counts, the mean, the classes, augmentation, what was left out.

Everything has its place before anything is known, so nothing moves when the servant's answers come.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from engine.store.requests import Answer
from engine.strings import figures
from pages.components import answers, audit_lines, charts, engine_watch, form, picture_rows
from pages.components.words import filled, plain, t

GHOST = Path(__file__).parent / "ghosts" / "mean.png"
# Pixels: the bars with their names, the mean beside them.
CHART_HEIGHT, MEAN_WIDTH = 176, 140
PARTS = ("train", "validation", "test")

Told = Mapping[str, Any] | None


def show() -> None:
    """All of it; before the first answer its skeleton, with data that cannot be used the sentence about it."""
    found = _ask()
    shown = answers.shown("overview", found)
    hopeless = not answers.is_open(found) and (found is None or found.answer is None)
    told = None if shown is None or hopeless else shown.answer
    _head(told)
    answers.attend(_ask, _findings, found)
    if not hopeless:
        _body(told, None if shown is None else shown.picture)


def _ask() -> Answer | None:
    return answers.about("overview")


def _findings(found: Answer | None) -> None:
    """What is to be said of the data, or why nothing can be said."""
    shown = answers.shown("overview", found)
    if found is not None and found.reason is not None and not answers.is_open(found):
        st.warning(answers.sentence(found), icon=":material/info:")
    elif shown is not None and shown.answer is not None:
        audit_lines.draw(shown.answer["audit"])
    else:
        audit_lines.write([engine_watch.missing(wanted=True) or answers.sentence(found)])


def _body(told: Told, mean_picture: bytes | None) -> None:
    bars, mean = st.columns([80, 20], gap="large")
    with bars:
        _counts(told)
    with mean:
        _mean(told, mean_picture)
    classes, draws = st.columns(2, gap="large")
    with classes:
        picture_rows.classes(told)
    with draws:
        picture_rows.draws(told)
    if told is not None and told["skipped_count"]:
        _skipped(told["skipped"], told["skipped_count"])


def _head(told: Told) -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key="data-head"):
        st.subheader(plain(form.dataset_label(form.says(["dataset"])["dataset"])), anchor=False)
        st.button(
            t("data_page.again"), icon=":material/refresh:", type="tertiary", key="look-again", help=t("data_page.again_help"),
            on_click=answers.forget, args=("overview", "mosaic", "draws", "preview"),
        )  # fmt: skip
    st.markdown("&nbsp;" if told is None else _sentence(told))


def _sentence(told: Mapping[str, Any]) -> str:
    """How many pictures for what, in the colours of the chart."""
    parts = {name: figures.count(count) for name, count in told["totals"].items()}
    return t("data_page.parts", images=figures.count(told["images"]), classes=figures.count(told["class_count"]), **parts)


def _counts(told: Told) -> None:
    st.markdown(f"**{t('data_page.counts.title')}**")
    with st.container(height=CHART_HEIGHT, border=False, gap=None, key="counts"):
        if told is not None:
            words = {name: t(f"data_page.counts.{name}") for name in (*PARTS, "class", "part", "count")}
            rows = charts.class_counts(told["classes"], told["counts"], words)
            st.altair_chart(charts.class_counts_figure(rows, words, CHART_HEIGHT), width="stretch", key="counts-chart")
    st.caption("&nbsp;" if told is None else _below_counts(told))


def _below_counts(told: Mapping[str, Any]) -> str:
    split = t("data_page.counts.official" if told["official_test"] else "data_page.counts.split")
    hidden = told["class_count"] - len(told["classes"])
    return f"{split} {t('data_page.counts.more', count=figures.count(hidden))}" if hidden else split


def _mean(told: Told, picture: bytes | None) -> None:
    st.markdown(f"**{t('data_page.mean.title')}**")
    st.image(GHOST if picture is None else picture, width=MEAN_WIDTH, alt=t("data_page.mean.title"))
    if told is None:
        st.caption("&nbsp;")
    else:
        colour = t("ui.data.grey" if told["channels"] == 1 else "ui.data.colour")
        st.caption(t("data_page.mean.of", count=figures.count(told["mean_of"]), size=told["resolution"], colour=colour))


def _skipped(skipped: Sequence[Mapping[str, str]], count: int) -> None:
    """The files that are no usable pictures, each with the reason."""
    with st.expander(t("data_page.skipped.title", count=count), icon=":material/image_not_supported:"):
        rows = [{t("data_page.skipped.file"): one["path"], t("data_page.skipped.reason"): filled(one["reason"])} for one in skipped]
        st.dataframe(rows, hide_index=True, width="stretch", key="skipped")
        if count > len(skipped):
            st.caption(t("data_page.skipped.more", count=count - len(skipped)))
