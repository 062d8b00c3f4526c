"""Parts of a page that renew themselves every pulse; what is wrong with the store is said in their place."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import streamlit as st

from engine import strings
from engine.errors import AthanorError
from engine.jobs import launch
from pages.components import trouble
from pages.components.state import PULSE, keep_address, language, pressed, store, tell, was_pressed
from pages.components.words import problem, t

P = ParamSpec("P")


def pulsing(part: Callable[P, None]) -> Callable[P, None]:
    """A part of a page that is drawn anew every pulse, by itself."""
    return renewing(part, PULSE)


def renewing(part: Callable[P, None], every: float | None) -> Callable[P, None]:
    """A part of a page that is drawn anew by its own buttons, and every so many seconds unless None."""

    @st.fragment(run_every=every)
    @wraps(part)
    def renewed(*given: P.args, **named: P.kwargs) -> None:
        keep_address()
        if was_pressed():
            st.rerun()
        with trouble.told():
            part(*given, **named)

    return renewed


def attempt_to(act: Callable[..., object], *given: object) -> None:
    """Do what a press asks for; what speaks against it is said on the page. For callbacks."""
    pressed()
    try:
        act(store(), *given)
    except AthanorError as error:
        tell(problem(error))
    except OSError as error:
        tell(t("ui.engine.cannot", message=str(error)))
    except Exception as error:
        trouble.note(error)
        tell(t("ui.trouble.sentence"))


def wake() -> str | None:
    """Start the engine where it is missing; what the system says when it cannot be."""
    try:
        launch.ensure_supervisor(store())
    except AthanorError as error:
        return strings.say(error.key, language(), **error.fields)
    except OSError as error:
        return str(error)
    return None
