"""The Playground: choose on the left, launch and watch on the right. Holds widgets and calls, no arithmetic."""

import streamlit as st

from engine.config import KNOBS
from pages.components import form, knobs, output, preflight, recent
from pages.components.words import t

BASIC_PAIRS = (("resolution", "batch_size"), ("learning_rate", "epochs"), ("weight_decay", "dropout"))

form.prepare()
data, model, right = st.columns([22, 30, 52], gap="large")

with data:
    st.subheader(t("ui.data.title"), anchor=False)
    knobs.show(["dataset"])
    knobs.show_facts()
    knobs.show(["train_share"])
    recent.show()
    recent.own_pictures()

with model:
    st.subheader(t("ui.model.title"), anchor=False)
    knobs.show(["architecture"])
    for pair in BASIC_PAIRS:
        knobs.show_pair(*pair)
    level = st.container()
    expert = [name for name, knob in KNOBS.items() if knob.level == "expert"]
    with st.expander(t("ui.model.all", count=len(expert))):
        knobs.show(expert)
    with level:
        knobs.show_level()
        preflight.show()
form.keep()

with right:
    output.show()
