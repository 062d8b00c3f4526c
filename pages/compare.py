"""Compare: runs in a table, the chosen ones over each other, what differs, and what that shows. Holds widgets and calls."""

import streamlit as st

from engine.store import overview
from pages.components import board, comparison, finder, labelling
from pages.components.state import store
from pages.components.words import t

seen = overview.stamp(store())
known = overview.rows(store())
head = st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key="head")
head.header(t("ui.compare.title"), anchor=False, width="content")
switches = head.container(horizontal=True, width="content", gap="medium")

if known:
    only_differing = switches.toggle(t("ui.compare.differs"), value=True, key="only-differing", bind="query-params")
    by_recipe = switches.toggle(t("compare.group"), key="by-recipe", bind="query-params", help=t("compare.group_help"))
    comparison.say_gone({row.id for row in known})
    card = st.container(key="card")
    table, picture = st.columns([56, 44], gap="large")
    with table:
        found = finder.show(known)
        chosen = board.show(found, known, only_differing, by_recipe) if found else board.nothing(known, by_recipe)
        labelling.show(chosen.runs)
    with card:
        comparison.sentence(chosen.recipes, chosen.recipe_labels, len(known))
    with picture:
        board.picture(chosen, found)
        comparison.ways([run.id for run in chosen.runs])
        comparison.differences(chosen.lines, chosen.labels, only_differing)
else:
    board.empty()
board.watch(seen)
