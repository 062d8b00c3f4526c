"""Rows of pictures from the servant: each class with its mean, and a few pictures beside what augmentation makes of them."""

from collections.abc import Mapping
from functools import partial
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import streamlit as st

from engine.store.requests import Answer
from pages.components import answers, state, strip
from pages.components.pulse import renewing
from pages.components.words import plain, t

GHOSTS = Path(__file__).parent / "ghosts"
# Classes on a page, as the servant makes them.
PAGE = 10
PAGER, TURN = "classes-page", "draws"
# Pixels of a class's name beside its row of pictures, and characters of it that are shown; of a heading that may have a button.
BESIDE, NAME, HEAD = 84, 22, 36

Told = Mapping[str, Any] | None


def classes(told: Told) -> None:
    """Some pictures of each class, with pages where there are many; grey tiles before anything is known."""
    if told is None:
        renewing(_classes, None)(None, 1, PAGE)
    else:
        pages, rows = -(-told["class_count"] // PAGE), min(PAGE, told["class_count"])
        answers.follow(lambda: answers.about("mosaic", page=_page(pages)), partial(_classes, pages=pages, rows=rows))


def draws(told: Told) -> None:
    """A few training pictures, each as it is and as it is drawn."""
    if told is None:
        renewing(_draws, None)(None)
    else:
        answers.follow(lambda: answers.about("draws", index=state.turn(TURN)), _draws)


def _page(pages: int) -> int:
    """The page of classes that is shown, from 0; a dataset with fewer has fewer pages."""
    return min(st.session_state.get(PAGER, 1), pages) - 1


def _classes(found: Answer | None, pages: int, rows: int) -> None:
    with st.container(height=HEAD, border=False, vertical_alignment="center"):
        st.markdown(f"**{t('data_page.classes.title')}**")
    with st.container(key="classes", gap="xsmall"):
        for name, picture in _named_rows(answers.shown("mosaic", found), rows):
            with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False):
                st.caption(plain(_short(name)) or "&nbsp;", width=BESIDE)
                st.image(picture, width="stretch", alt=name)
    st.caption(_problem(found) or t("data_page.classes.what"))
    if pages > 1:
        st.pagination(pages, key=PAGER)


def _named_rows(found: Answer | None, rows: int) -> list[tuple[str, Any]]:
    """Each class's name and its row of pictures; grey tiles while there are none."""
    if found is None or found.answer is None or found.picture is None:
        return [("", GHOSTS / "row.png")] * rows
    cuts = pairwise([0, *accumulate(found.answer["cuts"])])
    return [(name, found.picture[start:end]) for name, (start, end) in zip(found.answer["names"], cuts, strict=True)]


def _draws(found: Answer | None) -> None:
    with st.container(height=HEAD, border=False, horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown(f"**{t('data_page.draws.title')}**")
        st.button(
            t("data_page.others"), icon=":material/shuffle:", type="tertiary", key="draws-others", on_click=state.next_turn, args=(TURN,),
        )  # fmt: skip
    shown = answers.shown("draws", found)
    with st.container(key="draws"):
        picture = None if shown is None else shown.picture
        st.image(GHOSTS / "draws.png" if picture is None else picture, width="stretch", alt=t("data_page.draws.title"))
    st.caption(_problem(found) or _draws_caption(shown))


def _draws_caption(shown: Answer | None) -> str:
    if shown is None or shown.answer is None:
        return "&nbsp;"
    at_work = shown.answer["augmentations"]
    return t("data_page.draws.what", how=strip.how(at_work)) if at_work else t("data_page.draws.none")


def _short(name: str) -> str:
    return name if len(name) <= NAME else f"{name[: NAME - 1]}…"


def _problem(found: Answer | None) -> str:
    return "" if found is None or found.reason is None else answers.sentence(found)
