"""Two networks taken apart, side by side: the form's, and one that is only looked at. What the servant finds; never waits for it."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from engine import catalog
from engine.config import KNOBS
from engine.jobs import asking
from engine.store.requests import Answer
from engine.strings import anatomy
from pages.components import answers, engine_watch, form, knobs
from pages.components.state import language, link, on_phone, recall
from pages.components.words import t

BESIDE = "beside"
FIRST = ("architecture", "dataset", "resolution")
# Pixels: a row of a table, a whole one with its head and ten rows, the line above it; columns across, 620 together.
ROW, HEIGHT, ABOVE = 28, 314, 46
WIDTHS = {"number": 34, "kind": 142, "name": 154, "shape": 96, "parameters": 82, "flops": 62, "field": 50}
WHOLE = 10
HELPED = ("number", "parameters", "flops", "field")
BLANK = "&nbsp;"


def further() -> list[str]:
    """The knobs besides the first ones that decide what the network is made of."""
    return knobs.fitting(name for name in asking.MATTERS["layers"] if name not in FIRST and KNOBS[name].group == "model")


def choose_other() -> None:
    """Which network stands beside the form's; at first the next of the catalog."""
    usual = _next(form.says(["architecture"])["architecture"])
    names = list(catalog.ARCHITECTURES)
    beside = names.index(recall(BESIDE, names, usual))
    st.selectbox(
        t("model.beside"), names, beside, key=BESIDE, help=t("model.beside_help"),
        format_func=lambda name: catalog.ARCHITECTURES[name].label,
    )  # fmt: skip
    link(BESIDE, usual)


def _next(name: str) -> str:
    names = list(catalog.ARCHITECTURES)
    return names[(names.index(name) + 1) % len(names)]


def show() -> None:
    """The sentence that compares them, then their tables; before the answers come all of it has its place."""
    found, beside = _own(), _other()
    own, other = answers.shown("layers", found), answers.shown("layers-beside", beside)
    both = [one.answer for one in (own, other) if one is not None and one.answer is not None]
    st.markdown(anatomy.against(both[0], both[1], language()) if len(both) == 2 else BLANK)
    left, right = st.columns(2, gap="large")
    with left:
        answers.attend(_own, lambda found: _draw("layers", found), found)
    with right:
        answers.attend(_other, lambda found: _draw("layers-beside", found), beside)


def _own() -> Answer | None:
    return answers.about("layers")


def _other() -> Answer | None:
    """The form's, but for what the other network has no place for."""
    other = st.session_state[BESIDE]
    missing = [name for name in asking.MATTERS["layers"] if not catalog.ARCHITECTURES[other].obeys(name)]
    return answers.about("layers", place="-beside", instead={"architecture": other, **{name: KNOBS[name].default for name in missing}})


def _draw(slot: str, found: Answer | None) -> None:
    """A network, or why it cannot be taken apart."""
    shown = answers.shown(slot, found)
    with st.container(height="content" if on_phone() else HEIGHT + ABOVE, border=False, key=slot):
        if found is not None and found.reason is not None and not answers.is_open(found):
            st.warning(answers.sentence(found), icon=":material/info:")
        elif shown is not None and shown.answer is not None:
            _table(shown.answer, slot)
        else:
            st.caption(engine_watch.missing(wanted=True) or t("model.waiting"))


def _table(told: Mapping[str, Any], slot: str) -> None:
    import pandas as pd

    st.markdown(anatomy.totals(told, language(), "**{}**"))
    rows = [anatomy.cells(layer, language()) for layer in told["layers"]]
    columns = dict(zip(anatomy.COLUMNS, zip(*rows, strict=True), strict=True))
    st.dataframe(
        pd.DataFrame(columns), key=f"{slot}-table", hide_index=True, row_height=ROW, height=HEIGHT if len(rows) > WHOLE else "content",
        column_config={name: _column(name, word) for name, word in zip(anatomy.COLUMNS, anatomy.headings(language()), strict=True)},
        alt=anatomy.label(told),
    )  # fmt: skip


def _column(name: str, word: str) -> Any:
    said = t(f"model.help.{name}") if name in HELPED else None
    return st.column_config.TextColumn(word, width=WIDTHS[name], help=said, alignment="right" if name in anatomy.NUMBERS else "left")
