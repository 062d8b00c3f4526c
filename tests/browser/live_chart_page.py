"""The page of the live chart's harness: what it shows is said in the address, `?run=7&overlays=8,9&language=zh`."""

import streamlit as st

from pages.components import live_chart

st.set_page_config(layout="wide")
asked = st.query_params
overlays = [int(run) for run in asked.get("overlays", "").split(",") if run]
run = int(asked["run"]) if "run" in asked else None
clicks = st.session_state.setdefault("clicks", 0)
if st.button("Run again", key="again"):
    st.session_state.clicks = clicks = clicks + 1
if st.checkbox("Another run", key="other"):
    run = 99
st.caption(f"clicks {clicks}")
_, column = st.columns([60, 52], gap="large")
with st.container() if "phone" in asked else column, st.container(border=True):
    attempt = clicks if "resume" in asked else 0
    live_chart.show(run, key="chart", language=asked.get("language", "en"), overlays=overlays, attempt=attempt)
