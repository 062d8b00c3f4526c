"""The door: Streamlit's pages and our own routes in one server. Start it with `make run` or `streamlit run app.py`."""

import streamlit as st

from engine.server.routes import ROUTES, lifespan

app = st.App("pages/shell.py", routes=ROUTES, lifespan=lifespan)
