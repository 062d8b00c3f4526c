"""Compare: runs in a table, the chosen ones over each other, what differs, and what that shows. Holds widgets and calls."""

import streamlit as st

from engine.store import runs
from pages.components import comparison, live_chart, runs_table
from pages.components.state import compare_runs, compared_runs, language, store
from pages.components.words import t

known = runs.listing(store())
head = st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key="head")
head.header(t("ui.compare.title"), anchor=False, width="content")

if not known:
    st.markdown(f"**{t('ui.compare.none')}**")
    st.caption(t("ui.compare.none_how"))
    st.page_link("playground.py", label=t("ui.compare.to_playground"), icon=":material/arrow_forward:")
    st.stop()

only_differing = head.toggle(t("ui.compare.differs"), value=True, key="only-differing", bind="query-params")
comparison.say_gone(known)
table, picture = st.columns([56, 44], gap="large")
with table:
    chosen = runs_table.show(known, compared_runs() or [run.id for run in known[:2]], only_differing)
    compare_runs([run.id for run in chosen])
with picture:
    comparison.sentence(chosen)
    if chosen:
        with st.container(border=True, key="overlay"):
            live_chart.show_overlay([("", [run.id]) for run in chosen], key="overlay-chart", language=language())
        comparison.ways(chosen)
    comparison.differences(chosen, only_differing)
