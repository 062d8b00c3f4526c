"""The live curves of a run: mounts JavaScript that reads our `/live` socket and draws with the installed Plotly.

Knows no store and no numbers: the browser fetches them. Reruns are free, the script only says which run to follow.
"""

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import streamlit as st

from engine import strings
from pages.components.state import on_phone

# Colours of overlaid runs, in order; the first is the text colour. Never the blue of validation.
OVERLAY_LIGHT = ("#1c2127", "#c2642d", "#5b8c5a", "#a0527d", "#3c8688", "#8a7442")
OVERLAY_DARK = ("#e4e8eb", "#e08a56", "#8dbb8b", "#cf86ad", "#6bb5b7", "#bfa76a")

# Pixels of the row of controls above the plot. Its place is kept while the browser loads the chart.
CONTROLS = 34

HERE = Path(__file__).parent
# One module in the browser: numbers, lines, pictures of them, marks on those, the frame.
PARTS = ("data", "curve", "groups", "range", "lines", "labels", "marks", "picture", "example", "options", "controls", "cursor", "saving")
SCRIPTS = (*(f"live_chart_{part}.js" for part in PARTS), "live_chart.js")
# Asked once: the package's facts are read from the disk, 9 ms each time.
PLOTLY = version("plotly")
# No shadow root: Plotly puts its one style sheet into the document's head, which does not reach into a shadow.
# Every rule of ours is therefore prefixed with .athanor-live.
_mount = st.components.v2.component(
    "athanor_live_chart",
    css=(HERE / "live_chart.css").read_text(encoding="utf-8"),
    js="\n".join((HERE / name).read_text(encoding="utf-8") for name in SCRIPTS),
    isolate_styles=False,
)


View = Literal["loss", "accuracy", "both"]
# What is compared: a label and its runs. Several runs are drawn as their mean and its interval.
Group = tuple[str, Sequence[int]]


def show(run: int | None, *, key: str, language: str, height: int = 306, attempt: int = 0, view: View = "loss") -> None:
    """Draw the curves of `run` as they grow; None draws an example. `height` in pixels is that of the plot without its controls.

    Pass another `attempt` when a run that had ended goes on: the chart reads on from where it was. `view` is what shows first.
    """
    _draw(key, language, {"run": run, "groups": [], "attempt": attempt, "height": height, "view": view})


def show_overlay(groups: Sequence[Group], *, key: str, language: str, height: int = 306, view: View = "loss") -> None:
    """Draw runs over each other: a group of one run as its line, of several as their mean with its 95 % interval.

    Coloured by `OVERLAY_LIGHT` in the order given, beyond its end with other dashes. An empty label stands for the run's own name.
    """
    said = [{"label": label, "runs": list(dict.fromkeys(runs))} for label, runs in groups]
    _draw(key, language, {"run": None, "groups": said, "attempt": 0, "height": height, "view": view})


def _draw(key: str, language: str, what: dict[str, Any]) -> None:
    shared = {
        "library": f"assets/plotly.min.js?v={PLOTLY}",
        "words": _words(language),
        "verdicts": _titles(language),
        "colours": {"light": OVERLAY_LIGHT, "dark": OVERLAY_DARK},
    }
    # In a list: Streamlit looks through a bare dict for tables, and imports pandas for that.
    _mount(key=key, data=[{**what, **shared}], height="content" if on_phone() else what["height"] + CONTROLS)


def _words(language: str) -> dict[str, str]:
    """The chart's sentences; their `{fields}` are filled in the browser."""
    return {key.removeprefix("chart."): text for key, text in strings.catalogue(language).items() if key.startswith("chart.")}


def _titles(language: str) -> dict[str, str]:
    """What each verdict is called on its card, by name, or by name and modifier."""
    words = strings.catalogue(language).items()
    titles = [(key.split("."), text) for key, text in words if key.startswith("verdict.")]
    return {path[1] + path[2].removeprefix("title"): text for path, text in titles if path[2:] and path[2].startswith("title")}
