"""Athanor's engine: everything works headless; nothing here knows Streamlit."""

__version__ = "0.1.0"
