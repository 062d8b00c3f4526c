"""Whether the engine is there when something wants it: wakes it, and says so when it stays away. Knows no run's details."""

from engine.jobs import launch
from pages.components import state
from pages.components.pulse import wake
from pages.components.state import PULSE, store
from pages.components.words import t

# Seconds: absent for so long is worth a word; for so long is no slow start; between two tries from then on.
NOTICED, HOPELESS, REST = 2 * PULSE, 20.0, 10.0


def missing(wanted: bool) -> str:
    """What is to be said of the engine; empty while it is there, has just gone, or is not wanted."""
    absent = wanted and launch.supervisor_version(store()) is None
    gone = state.absent_for(absent)
    if not absent:
        return ""
    refusal = wake() if gone < HOPELESS or gone % REST < PULSE else None
    if refusal is not None:
        return t("ui.engine.cannot", message=refusal)
    if gone >= HOPELESS:
        return t("ui.engine.silent", log=str(store().home.supervisor_log))
    return t("ui.engine.starting") if gone >= NOTICED else ""
