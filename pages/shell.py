"""The frame around every page: the page list, notices, the language switch, the engine. Holds no widget of a page."""

from pathlib import Path

import streamlit as st

from engine import strings
from pages.components import frame, trouble
from pages.components.state import drawing, drawn_whole, language
from pages.components.words import t

HERE = Path(__file__).parent

st.set_page_config(page_title="Athanor", page_icon=str(HERE / "components" / "flame.png"), layout="wide", initial_sidebar_state="collapsed")
st.logo(str(HERE / "components" / "logo.svg"), size="medium")
pages = [
    st.Page(HERE / "playground.py", title=t("ui.nav.playground"), url_path="playground", default=True),
    st.Page(HERE / "compare.py", title=t("ui.nav.compare"), url_path="compare"),
    st.Page(HERE / "data.py", title=t("data_page.nav"), url_path="data"),
    st.Page(HERE / "model.py", title=t("model.nav"), url_path="model"),
    st.Page(HERE / "run.py", title=t("run.title"), url_path="run", visibility="hidden"),
]
page = st.navigation(pages, position="top")
with trouble.told():
    drawing(page.url_path)
    frame.notice()
    page.run()
    frame.messages()
with trouble.told():
    frame.foot(language(), strings.LANGUAGES)
drawn_whole()
