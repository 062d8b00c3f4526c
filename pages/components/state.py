"""What a page shares with itself: the store, the pulse, and the only names of session-state and query-parameter keys.

What must survive F5 lives in the URL or the store.
"""

import secrets
import time
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from engine import strings
from engine.store.connect import Store, open_store
from engine.store.home import Home
from engine.store.runs import number_of

# Seconds between two looks at what lives, wherever a part of a page renews itself.
PULSE = 1.0
LANGUAGE = "lang"
RUN = "id"
COMPARED = "runs"
TAB = "tab"
_MESSAGES = "messages"
_SHOWN = "shown-run"
_PRESSED = "pressed"
_TAB = "tab"
_ABSENT = "engine-absent-since"
_PAGE = "page"
_ARRIVED = "arrived"
_SAMPLES = "samples"
_ASKED = "asked"
_TURN = "turn"
_CHOSEN = "chosen-runs"
_DELETED = "deleted-runs"
_DRAWN = "drawn-"
_ADDRESS = "address"
# Runs in the address; a hundred recipes of three seeds.
MAX_COMPARED = 300
_MAX_LINKED = 50


@dataclass(frozen=True)
class Asked:
    """What was last asked of the servant in one place of a page, under which key, and the last before it that had a good answer."""

    payload: dict[str, Any]
    key: str
    good: "Asked | None" = None


def store() -> Store:
    """The store of this server's data folder."""
    return open_store(Home.find())


def language() -> str:
    """The language of this page: the URL's, else the browser's, else English."""
    asked = st.session_state.get(LANGUAGE) or st.query_params.get(LANGUAGE)
    if asked in strings.LANGUAGES:
        return str(asked)
    return _browsers()


def _browsers() -> str:
    return "zh" if (st.context.locale or "").startswith("zh") else "en"


def choose_language() -> None:
    """Take over the language switch. For its callback."""
    st.query_params[LANGUAGE] = st.session_state[LANGUAGE]


def keep_language() -> None:
    """Name a chosen language in the URL, also after a change of page."""
    if LANGUAGE in st.session_state and st.session_state[LANGUAGE] != st.query_params.get(LANGUAGE, _browsers()):
        st.query_params[LANGUAGE] = st.session_state[LANGUAGE]


def shown_run() -> int | None:
    """The run that the URL names; else the one this visitor saw last, which then stands in the URL again."""
    number = number_of(st.query_params.get(RUN, ""))
    if number is not None:
        st.session_state[_SHOWN] = number
    elif RUN not in st.query_params and _SHOWN in st.session_state:
        show_run(st.session_state[_SHOWN])
    return number if number is not None else st.session_state.get(_SHOWN)


def named_run() -> int | None:
    """The run that the URL names; else, where it names none, the one this visitor saw last. None for what is no number."""
    return number_of(st.query_params[RUN]) if RUN in st.query_params else shown_run()


def show_run(number: int) -> None:
    """Put a run into the URL."""
    st.session_state[_SHOWN] = number
    _name(RUN, str(number))


def forget_run() -> None:
    """Take the shown run out of the URL: it is no more."""
    st.session_state.pop(_SHOWN, None)
    _name(RUN, None)


def _name(key: str, value: str | None) -> None:
    """Put what the page is about into the URL, or take it out."""
    if _ADDRESS in st.session_state:
        st.session_state[_ADDRESS][key] = value
    if value is None:
        st.query_params.pop(key, None)
    elif st.query_params.get(key) != value:
        st.query_params[key] = value


def keep_address() -> None:
    """For a part of the page that is drawn by itself: what the page is about is what its last whole drawing, or a press since, has put
    into the URL. The browser may have asked for the part before it knew, and would lead the page back to the run before.
    """
    for key, value in st.session_state.get(_ADDRESS, {}).items():
        _name(key, value)


def forget_compared(gone: list[int]) -> None:
    """Take runs that are no more out of the URL."""
    compare_runs([number for number in compared_runs() if number not in gone])


def deleted(numbers: Collection[int]) -> None:
    """Note that this visitor has deleted runs: they leave the comparison without a word at the next drawing of the page.

    Not at once: what a dialog does to the URL before it closes never reaches the browser.
    """
    st.session_state[_DELETED] = {*st.session_state.get(_DELETED, ()), *numbers}


def was_deleted(number: int) -> bool:
    """Whether this visitor has deleted a run."""
    return number in st.session_state.get(_DELETED, ())


def compared_runs() -> list[int]:
    """The runs that the URL asks to compare; where it says nothing, those that this visitor compared last."""
    if COMPARED not in st.query_params and st.session_state.get(_CHOSEN):
        compare_runs(st.session_state[_CHOSEN])
    asked = st.query_params.get(COMPARED, "")[: 10 * MAX_COMPARED].split(",")
    return list(dict.fromkeys(number for text in asked[:MAX_COMPARED] if (number := number_of(text)) is not None))


def compare_runs(numbers: list[int]) -> None:
    """Put the compared runs into the URL."""
    st.session_state[_CHOSEN] = numbers = numbers[:MAX_COMPARED]
    _name(COMPARED, ",".join(map(str, numbers)) or None)


def open_tab(slugs: Sequence[str]) -> str:
    """The tab that the URL names, else the first."""
    asked = st.query_params.get(TAB, "")
    return asked if asked in slugs else slugs[0]


def choose_tab(slug: str, first: str) -> None:
    """Put the open tab into the URL, which does not name the first."""
    if slug == first:
        st.query_params.pop(TAB, None)
    else:
        st.query_params[TAB] = slug


def never_compared() -> bool:
    """Whether neither the URL nor this visitor has chosen any runs yet."""
    return COMPARED not in st.query_params and _CHOSEN not in st.session_state


def drawn(key: str) -> tuple[list[tuple[int, ...]], list[int]] | None:
    """What the rows of a table stood for when it was drawn last, and which were marked."""
    return st.session_state.get(_DRAWN + key)


def draw(key: str, rows: list[tuple[int, ...]], marked: list[int]) -> None:
    """Remember it."""
    st.session_state[_DRAWN + key] = (rows, marked)


def recall(key: str, options: Collection[str], usual: str | list[str], most: int = _MAX_LINKED) -> Any:
    """Give a widget its value before it is drawn: the session's, at first the URL's, `most` of them, what is usual.

    The value is the widget's default as well: a browser that has lost the widget begins with that. The URL has no translated words, while
    a browser tells those that it shows: after a change of language the URL's counts once more.
    """
    said = st.session_state.get(key)
    if said is None or not {*(said if isinstance(said, list) else [said])} <= {*options}:
        asked = [word for word in st.query_params.get_all(key)[:most] if word in options]
        st.session_state[key] = (asked if isinstance(usual, list) else asked[0]) if asked else usual
    elif arrived():
        st.session_state[key] = said
    return st.session_state[key]


def link(key: str, usual: str | list[str]) -> None:
    """Name a widget's value in the URL where it is not the usual one."""
    value = st.session_state[key]
    if value and value != usual:
        st.query_params[key] = value
    else:
        st.query_params.pop(key, None)


def dark() -> bool:
    """Whether the page is shown on a dark ground."""
    return st.context.theme.type == "dark"


def chart_colours() -> list[str]:
    """The theme's colours of what is drawn, in its order."""
    return list(st.get_option(f"theme.{'dark' if dark() else 'light'}.chartCategoricalColors"))


def tell(message: str) -> None:
    """Say something once, over the page, so that nothing on it moves."""
    st.session_state.setdefault(_MESSAGES, []).append(message)


def told() -> list[str]:
    """What is to be said now."""
    return st.session_state.pop(_MESSAGES, [])


def on_phone() -> bool:
    """Whether the browser says that it is a phone's: the server does not know how wide the window is."""
    headers = st.context.headers
    return headers.get("Sec-Ch-Ua-Mobile") == "?1" or "Mobi" in headers.get("User-Agent", "")


def pressed() -> None:
    """Note that a press in a part of the page concerns all of it. For callbacks."""
    st.session_state[_PRESSED] = True


def was_pressed() -> bool:
    """Whether the whole page is to be drawn anew."""
    return _PRESSED in st.session_state


def drawing(page: str) -> None:
    """The whole of a page is being drawn now."""
    st.session_state.pop(_PRESSED, None)
    st.session_state.pop(_ADDRESS, None)
    place = page, language()
    st.session_state[_ARRIVED] = place != st.session_state.get(_PAGE)
    st.session_state[_PAGE] = place


def drawn_whole() -> None:
    """All of a page is drawn: from now on its parts draw themselves."""
    st.session_state[_ADDRESS] = {key: st.query_params.get(key) for key in (RUN, COMPARED)}


def arrived() -> bool:
    """Whether another page was drawn before this one, or this one in another language: the browser's widgets are to be told anew."""
    return st.session_state.get(_ARRIVED, False)


def tab() -> str:
    """A name for this visit of this browser tab."""
    return st.session_state.setdefault(_TAB, secrets.token_hex(8))


def absent_for(absent: bool) -> float:
    """Seconds since the engine was first seen to be absent, in a row; 0 while it is there."""
    if not absent:
        st.session_state.pop(_ABSENT, None)
        return 0.0
    now = time.monotonic()
    return now - st.session_state.setdefault(_ABSENT, now)


def samples_asked(subject: Hashable) -> tuple[str | None, str | None]:
    """Of the samples of a run: the key of the question about this best epoch once that was asked, and that of the answer on the screen."""
    known, key, shown = st.session_state.get(_SAMPLES, (None, None, None))
    return (key if known == subject else None), shown


def ask_samples(subject: Hashable, key: str | None, shown: str | None) -> None:
    """Remember them."""
    st.session_state[_SAMPLES] = (subject, key, shown)


def asked(kind: str) -> Asked | None:
    """The last question of a kind."""
    return st.session_state.get(f"{_ASKED}-{kind}")


def note_asked(kind: str, question: Asked | None) -> None:
    """Remember it; None: whatever was asked is asked anew."""
    st.session_state[f"{_ASKED}-{kind}"] = question


def turn(name: str) -> int:
    """How often other pictures were asked for in one place of a page."""
    return st.session_state.get(f"{_TURN}-{name}", 0)


def next_turn(name: str) -> None:
    """Others, please. For callbacks."""
    st.session_state[f"{_TURN}-{name}"] = turn(name) + 1
