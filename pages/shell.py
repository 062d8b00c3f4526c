"""The frame around every page: the page list, notices, the language switch, the engine. Holds no widget of a page."""

from pathlib import Path

import streamlit as st

from engine import strings
from engine.errors import AthanorError
from pages.components import frame
from pages.components.state import drawing, language
from pages.components.words import problem, t

HERE = Path(__file__).parent

st.set_page_config(page_title="Athanor", page_icon=str(HERE / "components" / "flame.png"), layout="wide", initial_sidebar_state="collapsed")
st.logo(str(HERE / "components" / "logo.svg"), size="medium")
pages = [
    st.Page(HERE / "playground.py", title=t("ui.nav.playground"), url_path="playground", default=True),
    st.Page(HERE / "compare.py", title=t("ui.nav.compare"), url_path="compare"),
    st.Page(HERE / "run.py", title=t("run.title"), url_path="run", visibility="hidden"),
]
page = st.navigation(pages, position="top")
try:
    drawing()
    frame.notice()
    page.run()
except AthanorError as error:
    st.error(problem(error), icon=":material/error:")
frame.foot(language(), strings.LANGUAGES)
