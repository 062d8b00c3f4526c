"""What a page says when something goes wrong: an error of ours in its words, any other in a sentence with the trace behind "Details".

The whole trace stands in the server's log. Streamlit's own exceptions, by which a script is stopped or run again, pass.
"""

import logging
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import streamlit as st

from engine.errors import AthanorError
from engine.store.home import PROJECT
from pages.components.words import problem, t

log = logging.getLogger("athanor.pages")

# A part of a page that fails at every pulse is logged once in so many seconds.
REPEAT = 60.0
# Lines of our own source, and characters of the message, that the details show.
FRAMES, LENGTH = 6, 500

_logged: dict[str, float] = {}


@contextmanager
def told() -> Iterator[None]:
    """What goes wrong within is said where it happens, and the rest of the page goes on."""
    try:
        yield
    except AthanorError as error:
        st.error(problem(error), icon=":material/error:")
    except Exception as error:
        note(error)
        st.error(t("ui.trouble.sentence"), icon=":material/error:")
        with st.expander(t("ui.trouble.details")):
            st.code(details(error), language=None, wrap_lines=True)


def note(error: Exception) -> None:
    """Put an error of which nobody has thought into the server's log."""
    where, now = details(error), time.monotonic()
    if now - _logged.get(where, -REPEAT) < REPEAT:
        return
    if len(_logged) > 100:
        _logged.clear()
    _logged[where] = now
    log.error("a page failed", exc_info=error)


def details(error: Exception) -> str:
    """Type, message and our own lines on the way to it, the innermost last; no folder of this machine is named."""
    frames = [(Path(frame.filename), frame) for frame in traceback.extract_tb(error.__traceback__)]
    ours = [f"{path.relative_to(PROJECT)}:{frame.lineno} {frame.name}" for path, frame in frames if _tells(path)]
    return "\n".join([f"{type(error).__name__}: {_shortened(str(error))}", *ours[-FRAMES:]])


def _tells(path: Path) -> bool:
    return path != Path(__file__) and any(path.is_relative_to(PROJECT / part) for part in ("engine", "pages"))


def _shortened(message: str) -> str:
    """Without the folders before our own files and before those of the account."""
    return message.replace(f"{PROJECT}/", "").replace(str(Path.home()), "~")[:LENGTH]
