"""The Playground: choose on the left, launch and watch on the right. Holds widgets and calls, no arithmetic."""

import streamlit as st

from engine.config import KNOBS
from pages.components import audit_lines, form, knobs, output, preflight, queue_list, rate_finder, recent, recipes, strip
from pages.components.state import on_phone
from pages.components.words import t

BASIC = ("resolution", "batch_size", "learning_rate", "epochs", "weight_decay", "dropout")
EXPERT = [name for name, knob in KNOBS.items() if knob.level == "expert" and name != "validation_share"]

form.prepare()
if on_phone():  # what a person looks at comes first where everything is in one column
    right, model, data = st.columns([52, 30, 22], gap="large")
else:
    data, model, right = st.columns([22, 30, 52], gap="large")

with data:
    with knobs.head(t("ui.data.title")):
        recent.own_pictures()
    knobs.show(["dataset"])
    knobs.show(["train_share", "validation_share"])
    strip.show()
    audit_lines.show()
    queue_list.show()

with model:
    with knobs.head(t("ui.model.title")):
        recipes.menu()
    knobs.show(["architecture", "weights"])
    network = st.container()
    knobs.show_pairs(BASIC)
    level, measured = st.container(), st.container()
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        every = st.toggle(t("ui.model.all", count=len(knobs.fitting(KNOBS))), key="all-knobs", bind="query-params")
        finder = st.container(width="content")
    if every:
        knobs.show_groups(EXPERT)
    with finder:
        rate_finder.show()
    with level:
        knobs.show_level()
    with network:
        preflight.show_network()
    with measured:
        preflight.show()
    recent.show()
form.keep()

with right:
    output.show()
