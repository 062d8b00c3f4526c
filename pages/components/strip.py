"""The strip of training pictures as the network sees them: drawn anew as soon as a knob that changes them has moved."""

from pathlib import Path

import streamlit as st

from engine import strings
from engine.store.requests import Answer
from pages.components import answers, state
from pages.components.state import language
from pages.components.words import t

# Eight grey tiles that hold the place of the first strip.
GHOST = Path(__file__).parent / "ghosts" / "strip.png"
TURN = "strip"


def show() -> None:
    """Heading with a button for others, the strip, what was done to it. Waits a moment for the strip, then lets it come."""
    answers.follow(_ask, _draw)


def _ask() -> Answer | None:
    return answers.about("preview", index=state.turn(TURN))


def _draw(found: Answer | None) -> None:
    shown = answers.shown("preview", found)
    with st.container(key="strip"):
        _head()
        st.image(GHOST if shown is None or shown.picture is None else shown.picture, width="stretch", alt=t("data_page.strip.title"))
        st.caption(_caption(found, shown))


def _head() -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown(t("data_page.strip.title"))
        st.button(
            "", icon=":material/shuffle:", type="tertiary", key="strip-others", help=t("data_page.others"), on_click=state.next_turn,
            args=(TURN,),
        )  # fmt: skip


def _caption(found: Answer | None, shown: Answer | None) -> str:
    """What is wrong with the pictures, else what was done to those that are shown."""
    failed = found is not None and found.reason is not None
    if failed or shown is None or shown.answer is None:
        return answers.sentence(found)
    size, at_work = shown.answer["resolution"], shown.answer["augmentations"]
    return t("data_page.strip.varied", size=size, how=how(at_work)) if at_work else t("data_page.strip.plain", size=size)


def how(augmentations: list[str]) -> str:
    """The augmentations at work in a few words."""
    return strings.say("data_page.how.comma", language()).join(strings.say(f"data_page.how.{name}", language()) for name in augmentations)
