"""Where the form's values live: in the session while the page is open, in the URL for links and F5; a run's can be taken over.

The URL has the same words as the command line, in every language. Knows no widget.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from engine import catalog
from engine.config import KNOBS, read_value
from engine.config.model import RUN
from engine.errors import BadKnob, NotFound
from engine.folders import data_roots, discover
from engine.presets import PRESETS
from engine.store import runs
from engine.store.runs import Run, number_of
from pages.components.state import arrived, shown_run, store, tell
from pages.components.words import plain, t

_FORM = "form"
# Characters of a value in the URL that are looked at; what is longer is no value.
MOST = 300


def key(name: str) -> str:
    """The widget key of a knob, and its name in the URL; Streamlit turns it into the class `st-key-knob-<name>`."""
    return f"knob-{name}"


def prepare() -> None:
    """Give every knob its value before its widget is drawn: the session's, at first the URL's, the shown run's, the default.

    A knob's widgets on two pages are two widgets: what one says does not reach the other but by the form.
    """
    if _FORM not in st.session_state:
        st.session_state[_FORM] = _first()
    _leave_what_is_gone()
    for name, value in st.session_state[_FORM].items():
        if arrived() or key(name) not in st.session_state or _in_other_words(name):
            st.session_state[key(name)] = value


def _in_other_words(name: str) -> bool:
    """Whether a widget says what is none of its choices: a browser tells the words that it shows, at a change of language the old ones."""
    knob, value = KNOBS[name], st.session_state[key(name)]
    if knob.name == "weights":
        return value not in knob.steps and number_of(str(value).removeprefix(RUN)) is None
    return bool(knob.choices) and value not in knob.choices


def _leave_what_is_gone() -> None:
    """A chosen folder that is no more makes room for the default."""
    chosen = st.session_state.get(key("dataset"), st.session_state[_FORM]["dataset"])
    if chosen not in datasets():
        tell(t("ui.dataset_gone", dataset=plain(dataset_label(chosen))))
        st.session_state[_FORM] = st.session_state[_FORM] | {"dataset": KNOBS["dataset"].default}
        st.session_state[key("dataset")] = KNOBS["dataset"].default


def keep() -> None:
    """Note what the widgets say, in the session and in the URL, which names the dataset and what is not the default.

    So a link that names a run, too, gives back the form as it was, not the run's.
    """
    st.session_state[_FORM] = {name: st.session_state[key(name)] for name in KNOBS}
    for name, value in st.session_state[_FORM].items():
        if name == "dataset" or value != KNOBS[name].default:
            st.query_params[key(name)] = str(value)
        else:
            st.query_params.pop(key(name), None)


def says(names: Iterable[str]) -> dict[str, Any]:
    """What the form says of these knobs."""
    return {name: st.session_state[key(name)] for name in names}


def take_over(run: Run) -> None:
    """Make the form say what a run was started with, as far as it can still be chosen. For callbacks."""
    _say(_of(run))


def begin_with(preset: str) -> None:
    """Make the form say a recipe. For callbacks."""
    _say(PRESETS[preset].config().flat())


def take(name: str, value: Any) -> None:
    """Make the form say this of one knob. For callbacks."""
    _say(says(KNOBS) | {name: value})


def _say(values: dict[str, Any]) -> None:
    st.session_state[_FORM] = values
    for name, value in values.items():
        st.session_state[key(name)] = value


def datasets() -> list[str]:
    """What the catalog knows, then the folders under the data roots. Nothing else can be chosen on a page."""
    return [*catalog.DATASETS, *_folders(store().home.root)]


@st.cache_data(ttl=10, show_spinner=False)
def _folders(home: Path) -> list[str]:
    return discover(data_roots(home))


def _first() -> dict[str, Any]:
    given = {name: st.query_params[key(name)] for name in KNOBS if key(name) in st.query_params}
    number = shown_run()
    if not given and number is not None:
        try:
            return _of(runs.get(store(), number))
        except NotFound:
            pass  # the output says so
    values, dropped = _readable(given)
    if dropped:
        tell(t("ui.dropped", knobs=", ".join(f"{name} = {given[name][:40]}" for name in dropped)))
    return _defaults() | values


def _of(run: Run) -> dict[str, Any]:
    return _defaults() | _readable({name: value for name, value in run.knobs.items() if name in KNOBS})[0]


def _readable(given: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The values that can be used, and the names of the others."""
    values: dict[str, Any] = {}
    for name, raw in given.items():
        try:
            value = read_value(name, raw if not isinstance(raw, str) else raw[:MOST])
        except BadKnob:
            continue
        if name != "dataset" or value in datasets():
            values[name] = value
    return values, [name for name in given if name not in values]


def _defaults() -> dict[str, Any]:
    return {name: knob.default for name, knob in KNOBS.items()}


def dataset_label(name: str) -> str:
    """A dataset as people call it: text, not markup."""
    return catalog.DATASETS[name].label if name in catalog.DATASETS else name
