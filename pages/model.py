"""The Model page: what the form's network is made of, beside another one, and how saved runs did by speed. Holds widgets and calls."""

import streamlit as st

from engine.store import overview
from pages.components import board, form, knobs, networks, tradeoff
from pages.components.state import store
from pages.components.words import t

seen = overview.stamp(store())
form.prepare()
with knobs.head(t("model.title")), st.popover(t("model.more"), type="tertiary"):
    knobs.show(networks.further())
own, beside, dataset, resolution = st.columns(4, gap="medium")
with own:
    knobs.show(["architecture"])
with beside:
    networks.choose_other()
with dataset:
    knobs.show(["dataset"])
with resolution:
    knobs.show(["resolution"])
form.keep()

networks.show()
tradeoff.show()
board.watch(seen)
