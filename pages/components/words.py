"""The catalogue as pages speak it: in the page's language, with what people typed shown as text, never as markup."""

import re
from typing import Any

from engine import strings
from engine.errors import AthanorError
from engine.store.runs import Run
from pages.components.state import language

# Control and direction characters: they would break a line or turn it around.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]+")
_MARKUP = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$:&])")


def t(key: str, /, **fields: Any) -> str:
    """The sentence behind `key` in this page's language, ready for Markdown."""
    return strings.say(key, language(), **{name: plain(value) if isinstance(value, str) else value for name, value in fields.items()})


def filled(key: str, /, **fields: Any) -> str:
    """The same with fields that are ready for Markdown already."""
    return strings.say(key, language(), **fields)


def plain(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    return _MARKUP.sub(r"\\\1", _CONTROL.sub(" ", text))


def problem(error: AthanorError) -> str:
    """An error in this page's language."""
    return t(error.key, **named(error.fields))


def reason(run: Run) -> str:
    """Why a run ended as it did; empty when there is nothing to say."""
    return "" if run.reason is None else t(run.reason["key"], **named(run.reason["fields"]))


def named(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of an error with the knob called by its label and the state by its word, as the page calls them."""
    keys = {"knob": f"knobs.{fields.get('knob')}.label", "state": f"ui.state.{fields.get('state')}"}
    return fields | {name: strings.say(key, language()) for name, key in keys.items() if name in fields and strings.known(key)}
