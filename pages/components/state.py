"""The only module that names session-state and query-parameter keys. What must survive F5 lives in the URL or the store."""

import streamlit as st

from engine import strings
from engine.store.connect import Store, open_store
from engine.store.home import Home
from engine.store.runs import number_of

LANGUAGE = "lang"
RUN = "id"
COMPARED = "runs"
_MESSAGE = "message"
_MAX_COMPARED = 100


def store() -> Store:
    """The store of this server's data folder."""
    return open_store(Home.find())


def language() -> str:
    """The language of this page: the URL's, else the browser's, else English."""
    asked = st.session_state.get(LANGUAGE) or st.query_params.get(LANGUAGE)
    if asked in strings.LANGUAGES:
        return str(asked)
    return "zh" if (st.context.locale or "").startswith("zh") else "en"


def shown_run() -> int | None:
    """The run that the URL names, if it names one sensibly."""
    return number_of(st.query_params.get(RUN, ""))


def show_run(number: int) -> None:
    """Put a run into the URL."""
    st.query_params[RUN] = str(number)


def compared_runs() -> list[int]:
    """The runs that the URL asks to compare."""
    asked = st.query_params.get(COMPARED, "")[:1000].split(",")
    return [number for text in asked[:_MAX_COMPARED] if (number := number_of(text)) is not None]


def compare_runs(numbers: list[int]) -> None:
    """Put the compared runs into the URL."""
    if numbers:
        st.query_params[COMPARED] = ",".join(map(str, numbers))
    else:
        st.query_params.pop(COMPARED, None)


def tell(message: str) -> None:
    """Say something at the next drawing of the page."""
    st.session_state[_MESSAGE] = message


def told() -> str | None:
    """What is to be said now, once."""
    return st.session_state.pop(_MESSAGE, None)
