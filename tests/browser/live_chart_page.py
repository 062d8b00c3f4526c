"""The page of the live chart's harness: what it shows is said in the address, `?run=7&overlays=8,9&language=zh`."""

import streamlit as st

from pages.components import live_chart

st.set_page_config(layout="wide")
asked = st.query_params
# `groups=one:8,9;two:10`: labels and their runs; `overlays=8,9`: runs of their own.
overlays = [("", [int(run)]) for run in asked.get("overlays", "").split(",") if run]
groups = [
    (label, [int(run) for run in runs.split(",")]) for label, _, runs in (g.partition(":") for g in asked.get("groups", "").split(";") if g)
]
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
    shared = {
        "key": "chart",
        "language": asked.get("language", "en"),
        "view": asked.get("view", "loss"),
        "height": int(asked.get("height", 306)),
    }
    if overlays or groups:
        live_chart.show_overlay(overlays + groups, **shared)
    else:
        live_chart.show(run, attempt=attempt, **shared)
st.caption(f"attempt {attempt}")
