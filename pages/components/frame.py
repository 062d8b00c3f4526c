"""What stands around every page: above, what has happened to the store; below, the language, the version, whether the engine is up."""

from collections.abc import Mapping

import streamlit as st

from engine import __version__
from engine.errors import StoreError
from engine.jobs.launch import supervisor_version
from engine.store import damage
from pages.components.pulse import attempt_to
from pages.components.state import LANGUAGE, choose_language, keep_language, store, told
from pages.components.words import t


def notice() -> None:
    """What has happened to the store, until somebody has read it."""
    found = damage.notice(store())
    if found is not None:
        with st.container(horizontal=True, vertical_alignment="center", key="notice"):
            st.warning(t(found["key"], **found["fields"]), icon=":material/info:")
            st.button(t("ui.notice_read"), key="notice-read", type="tertiary", on_click=attempt_to, args=(damage.dismiss,))


def messages() -> None:
    """What presses have come to, where it needs saying."""
    for message in told():
        st.toast(message, icon=":material/info:", duration="long")


def foot(language: str, languages: Mapping[str, str]) -> None:
    """One quiet line at the end of the page."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key="foot"):
        st.caption(t("ui.foot.ready" if _ready() else "ui.foot.asleep", version=__version__))
        st.segmented_control(
            t("ui.foot.language"), list(languages), default=language, format_func=lambda code: languages[code], required=True,
            key=LANGUAGE, label_visibility="collapsed", on_change=choose_language,
        )  # fmt: skip
    keep_language()


def _ready() -> bool:
    try:
        return supervisor_version(store()) is not None
    except StoreError:
        return False  # the page above has said what is wrong with the store
