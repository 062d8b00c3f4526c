"""The form: RunConfig's knobs -> widgets -> RunConfig. Every widget is made from the knob's declaration; knows no page."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from engine import catalog
from engine.config import KNOBS, Knob, RunConfig
from engine.config.model import IMAGENET, OF_WEIGHTS, RUN
from engine.config.run import AUGMENTATION_LEVEL, GROUPS
from engine.store import runs
from engine.store.runs import State, number_of
from engine.strings import figures
from pages.components.form import dataset_label, datasets, key
from pages.components.state import store
from pages.components.words import t

# Pixels: the transport's row beside it is as high, so that the first lines of all columns agree.
HEAD = 36
# Runs that are looked through for weights to begin with.
NEWEST = 50


def show(names: Iterable[str]) -> None:
    """Draw the widgets of these knobs, one under the other."""
    for name in names:
        _widget(KNOBS[name])


def show_pairs(names: Sequence[str]) -> None:
    """Knobs two by two."""
    for place in range(0, len(names), 2):
        for column, name in zip(st.columns(2, gap="medium"), names[place : place + 2], strict=False):
            with column:
                _widget(KNOBS[name])


def show_groups(names: Iterable[str]) -> None:
    """Knobs under the names of their groups, without those that the chosen network does not obey."""
    wanted = fitting(names)
    for group in GROUPS:
        st.markdown(f"**{t(f'ui.group.{group}')}**")
        show_pairs([name for name in wanted if KNOBS[name].group == group])


def fitting(names: Iterable[str]) -> list[str]:
    """Those that the chosen network obeys."""
    return [name for name in names if catalog.ARCHITECTURES[st.session_state[key("architecture")]].obeys(name)]


def _follow_network() -> None:
    """What the chosen network has no place for goes back to its default, and so do weights of another one."""
    for name in KNOBS.keys() - {*fitting(KNOBS)}:
        st.session_state[key(name)] = KNOBS[name].default
    if st.session_state[key("weights")] not in _weights_at_hand():
        st.session_state[key("weights")] = KNOBS["weights"].default


def head(title: str) -> DeltaGenerator:
    """The head of a column: its title, and at its end what is drawn within."""
    row = st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", height=HEAD, border=False)
    row.subheader(title, anchor=False)
    return row


def show_level() -> None:
    """The one basic control of the four augmentation strengths. Draw it after them."""
    level = _level()
    st.session_state[key(AUGMENTATION_LEVEL)] = level
    options = catalog.LEVELS if level in catalog.LEVELS else (*catalog.LEVELS, level)
    st.segmented_control(
        t("knobs.augmentation.label"), options, default=level, key=key(AUGMENTATION_LEVEL), help=t("knobs.augmentation.help"),
        required=True, format_func=partial(_option, AUGMENTATION_LEVEL), width="stretch", on_change=_follow_level,
    )  # fmt: skip


def show_facts() -> None:
    """What is known of the chosen dataset before it is read."""
    facts = catalog.DATASETS.get(st.session_state[key("dataset")])
    if facts is None:
        st.caption(t("ui.data.folder"))
    else:
        colour = t("ui.data.grey" if facts.channels == 1 else "ui.data.colour")
        st.caption(t("ui.data.facts", classes=facts.classes, colour=colour, size=facts.size))


def read() -> RunConfig:
    """The config that the form shows. Raises BadKnob."""
    return RunConfig.from_flat({name: st.session_state[key(name)] for name in KNOBS})


def _level() -> str:
    return catalog.level_of({name: st.session_state[key(name)] for name in catalog.AUGMENTATIONS}, st.session_state[key("dataset")])


def _follow_level() -> None:
    """Move the four strengths to where the level puts them, or keep the level where other data is chosen."""
    level = st.session_state.get(key(AUGMENTATION_LEVEL))
    if level in catalog.LEVELS:
        for name, value in catalog.strengths(level, st.session_state[key("dataset")]).items():
            st.session_state[key(name)] = value


def _widget(knob: Knob) -> None:
    """The widget of a knob. Its value stands in the session already (`form.prepare`).

    It is given as the widget's default, too: a browser that has lost a widget (it was not drawn for a moment) begins with the
    default, which would otherwise be the smallest value, and that would become the form's.
    """
    label, value = t(f"knobs.{knob.name}.label"), st.session_state[key(knob.name)]
    given: dict[str, Any] = {"key": key(knob.name), "help": t(f"knobs.{knob.name}.help")}
    if knob.name == "dataset":
        _choose(label, datasets(), value, format_func=dataset_label, on_change=_follow_level, **given)
    elif knob.name == "architecture":
        _choose(label, knob.choices, value, format_func=partial(_option, knob.name), on_change=_follow_network, **given)
    elif knob.name == "weights":
        at_hand = _weights_at_hand()
        texts = list(dict.fromkeys((*at_hand, value)))
        _choose(label, texts, value, format_func=lambda one: at_hand.get(one) or _weights(one), accept_new_options=True, **given)
    elif knob.syntax:
        _choose(label, list(dict.fromkeys((*knob.steps, value))), value, accept_new_options=True, **given)
    elif knob.choices:
        _choose(label, knob.choices, value, format_func=partial(_option, knob.name), **given)
    elif knob.steps:
        options = sorted({*knob.steps, knob.default, value})
        st.select_slider(label, options, value, format_func=partial(figures.knob, unit=knob.unit), **given)
    else:
        st.number_input(label, int(knob.low or 0), int(knob.high or 0), value, step=1, **given)


def _weights_at_hand() -> dict[str, str]:
    """What a run of the form's network may begin with, and its label: drawn weights, published ones, those of its newest ended runs."""
    ours = {name: st.session_state[key(name)] for name in ("architecture", *OF_WEIGHTS)}
    fixed = ["none", *([IMAGENET] if catalog.ARCHITECTURES[ours["architecture"]].imagenet else [])]
    ended = runs.listing(store(), [state for state in State if state.ended], limit=NEWEST)
    fit = [run for run in ended if run.summary.get("best_epoch") and ours.items() <= run.knobs.items()]
    return {name: _weights(name) for name in fixed} | {f"{RUN}{run.id}": f"{_weights(f'{RUN}{run.id}')}: {run.name}" for run in fit}


def _choose(label: str, options: Sequence[str], value: str, **given: Any) -> None:
    st.selectbox(label, options, options.index(value), **given)


def _option(name: str, choice: str) -> str:
    if name == "architecture":
        return catalog.ARCHITECTURES[choice].label
    return t(f"knobs.{name}.options.{choice}")


def value_label(name: str, value: Any) -> str:
    """A knob's value as tables and charts show it: text, not markup; empty when an old run did not have the knob."""
    if value is None:
        return ""
    if name == "dataset":
        return dataset_label(value)
    if name == "weights":
        return _weights(str(value))
    return _option(name, value) if KNOBS[name].choices else figures.knob(value, KNOBS[name].unit)


def _weights(value: str) -> str:
    """What somebody has only begun to type stays as it is."""
    if value in KNOBS["weights"].steps:
        return t(f"knobs.weights.options.{value}")
    number = number_of(value.removeprefix(RUN)) if value.startswith(RUN) else None
    return value if number is None else t("knobs.weights.options.run", run=number)
