"""The only module that names session-state and query-parameter keys. What must survive F5 lives in the URL or the store."""

import secrets
from dataclasses import dataclass

import streamlit as st

from engine import strings
from engine.store.connect import Store, open_store
from engine.store.home import Home

LANGUAGE = "lang"
RUN = "id"
COMPARED = "runs"
_LAUNCH = "launch-key"
_MESSAGE = "message"
_MAX_COMPARED = 100


@dataclass(frozen=True)
class Message:
    """Something to say once, after a press."""

    text: str
    details: str = ""


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
    return _number(st.query_params.get(RUN, ""))


def show_run(number: int) -> None:
    """Put a run into the URL."""
    st.query_params[RUN] = str(number)


def compared_runs() -> list[int]:
    """The runs that the URL asks to compare."""
    asked = st.query_params.get(COMPARED, "")[:1000].split(",")
    return [number for text in asked[:_MAX_COMPARED] if (number := _number(text)) is not None]


def compare_runs(numbers: list[int]) -> None:
    """Put the compared runs into the URL."""
    if numbers:
        st.query_params[COMPARED] = ",".join(map(str, numbers))
    else:
        st.query_params.pop(COMPARED, None)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None


def launch_key() -> str:
    """A key for the next launch; pressing twice before it is renewed is one launch."""
    return st.session_state.setdefault(_LAUNCH, secrets.token_hex(16))


def launched() -> None:
    """The launch has been taken; the next press is another one."""
    st.session_state.pop(_LAUNCH, None)


def tell(message: Message) -> None:
    """Say something at the next drawing of the page."""
    st.session_state[_MESSAGE] = message


def told() -> Message | None:
    """What is to be said now, once."""
    return st.session_state.pop(_MESSAGE, None)
