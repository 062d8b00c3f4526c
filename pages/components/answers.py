"""What the servant says of the pictures that the form names: asked at once, waited for no longer than an eye notices.

A part of a page that has no answer then looks for it a few times a second and rests when it has come. Knows no kind's meaning.
"""

import time
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import streamlit as st

from engine.errors import AthanorError
from engine.jobs import asking
from engine.jobs.asking import Kind
from engine.jobs.terms import SERVANT
from engine.store import attempts
from engine.store.requests import Answer
from pages.components import form, state
from pages.components.pulse import renewing
from pages.components.state import Asked, store
from pages.components.words import named, t

# Seconds: a warm servant answers in a tenth of it; beside training on few processors it may take all of it.
MOMENT = 0.25
# Seconds between two looks of who waits in front of the screen.
SOON = 0.3
# What mends itself, and seconds after which it is worth another question.
LATE = "servant.pictures_late"
PASSING, AGAIN = (LATE, "servant.not_downloaded"), 2.5


def about(kind: Kind, patience: float = MOMENT, place: str = "", instead: Mapping[str, Any] | None = None, **more: int) -> Answer | None:
    """How the question about what the form says stands. None: it cannot be asked now.

    `more` goes with it: which strip, which page. `instead` are knobs that the form does not say so, asked about in a `place` of their
    own: what is asked there withdraws nothing elsewhere. A new question is waited for, one asked before is only looked up.
    """
    payload: dict[str, Any] = {"config": form.says(asking.MATTERS[kind]) | dict(instead or {}), **more}
    try:
        before = state.asked(kind + place)
        known = None if before is None or before.payload != payload else asking.answer(store(), before.key)
        found = _ask(kind, payload, patience, place) if known is None or _passing(known) else known
    except (AthanorError, OSError):  # whoever presses Start is told what is wrong
        return None
    if found is not None and found.answer is not None:
        state.note_asked(kind + place, Asked(payload, found.key, Asked(payload, found.key)))
    return found


def follow(ask: Callable[[], Answer | None], draw: Callable[[Answer | None], None]) -> None:
    """Draw an answer, at first as it stands; when it comes late, the page is drawn once more with it and rests.

    A press in the part may ask anew: an answer that is late then is looked for as well.
    """
    attend(ask, draw, ask())


def attend(ask: Callable[[], Answer | None], draw: Callable[[Answer | None], None], drawn: Answer | None) -> None:
    """As `follow`, where more of the page has been drawn with an answer: one that has come since then draws all of it once more."""
    every = pace(drawn)

    @wraps(draw)
    def part() -> None:
        found = ask()
        draw(found)
        if is_open(found) is (every is None):
            st.rerun()

    renewing(part, every)()


def pace(found: Answer | None) -> float | None:
    """Seconds until the next look: soon for what is being worked on, a pulse for what has to mend, never for what is there."""
    if not is_open(found):
        return None
    return state.PULSE if found is not None and found.ready else SOON


def shown(kind: str, found: Answer | None) -> Answer | None:
    """What stands there: this answer when it is good, else the last good one. In a place of its own: the kind and the place."""
    return found if found is not None and found.answer is not None else latest(kind)


def sentence(found: Answer | None) -> str:
    """Why there is no answer, in words; empty when there is one."""
    if found is None or not found.ready:
        return t("data_page.waiting")
    if found.reason is None:
        return ""
    return t("data_page.reading") if found.reason["key"] == LATE else t(found.reason["key"], **named(found.reason["fields"]))


def stands(kind: Kind, place: str = "", **more: int) -> bool:
    """Whether the last question of a kind is what the form says now."""
    before = state.asked(kind + place)
    return before is not None and before.payload == {"config": form.says(asking.MATTERS[kind]), **more}


def refusal() -> str | None:
    """Why there is no such network as the form says, once the servant has said so: what it names is a knob's value."""
    before = state.asked("facts")
    if before is None or not stands("facts"):
        return None
    try:
        found = asking.answer(store(), before.key)
    except (AthanorError, OSError):
        return None
    refused = found is not None and found.ready and found.reason is not None and "knob" in found.reason["fields"]
    return sentence(found) if refused else None


def latest(kind: str) -> Answer | None:
    """The last good answer of this kind in this tab, if it was about the same dataset: what stands there until the next comes."""
    before = state.asked(kind)
    if before is None or before.good is None or before.good.payload["config"]["dataset"] != before.payload["config"]["dataset"]:
        return None
    try:
        found = asking.answer(store(), before.good.key)
    except AthanorError:
        return None
    return found if found is not None and found.answer is not None else None


def forget(*kinds: Kind) -> None:
    """Ask anew, for the files may have changed. For callbacks."""
    for kind in kinds:
        state.note_asked(kind, None)


def is_open(found: Answer | None) -> bool:
    """Whether an answer is still to come."""
    return found is None or not found.ready or found.reason is not None and found.reason["key"] in PASSING


def _ask(kind: Kind, payload: dict[str, Any], patience: float, place: str) -> Answer | None:
    before = state.asked(kind + place)
    key = asking.ask(store(), kind, payload, state.tab() + place)
    state.note_asked(kind + place, Asked(payload, key, None if before is None else before.good))
    if patience and attempts.presence(store(), SERVANT) is not None:
        return asking.wait(store(), key, patience)
    return asking.answer(store(), key)


def _passing(known: Answer) -> bool:
    """Whether a failure is old enough to have mended."""
    return known.ready and is_open(known) and time.time() - (known.answered_at or 0.0) > AGAIN
