"""The Data page: choose pictures on the left, look at them on the right. Holds widgets and calls, no arithmetic."""

import streamlit as st

from engine import catalog
from pages.components import dataset_view, form, knobs, recent
from pages.components.words import t

form.prepare()
chosen, seen = st.columns([29, 77], gap="large")

with chosen:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.subheader(t("ui.data.title"), anchor=False)
        recent.own_pictures()
    knobs.show(["dataset"])
    knobs.show_facts()
    if form.says(["dataset"])["dataset"] not in catalog.DATASETS:
        knobs.show(["resize", "twins"])
    knobs.show(["resolution", "validation_share", "train_share"])
    level = st.container()
    knobs.show(catalog.AUGMENTATIONS)
    with level:
        knobs.show_level()
form.keep()

with seen:
    dataset_view.show()
