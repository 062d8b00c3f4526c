"""What stands under every page: the language, the version, and whether a supervisor is there to run anything."""

from collections.abc import Mapping

import streamlit as st

from engine import __version__
from engine.jobs.launch import supervisor_version
from pages.components.state import LANGUAGE, choose_language, keep_language, store
from pages.components.words import t


def foot(language: str, languages: Mapping[str, str]) -> None:
    """One quiet line at the end of the page."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key="foot"):
        state = "ui.foot.ready" if supervisor_version(store()) else "ui.foot.asleep"
        st.caption(t(state, version=__version__))
        st.segmented_control(
            t("ui.foot.language"), list(languages), default=language, format_func=lambda code: languages[code], required=True,
            key=LANGUAGE, label_visibility="collapsed", on_change=choose_language,
        )  # fmt: skip
    keep_language()
