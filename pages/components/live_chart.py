"""The live curves of a run: mounts JavaScript that reads our `/live` socket and draws with the installed Plotly.

Knows no store and no numbers: the browser fetches them. Reruns are free, the script only says which run to follow.
"""

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import streamlit as st

from engine import strings

# Colours of overlaid runs, in order; the first is the text colour. Never the blue of validation.
OVERLAY_LIGHT = ("#1c2127", "#c2642d", "#5b8c5a", "#a0527d", "#3c8688", "#8a7442")
OVERLAY_DARK = ("#e4e8eb", "#e08a56", "#8dbb8b", "#cf86ad", "#6bb5b7", "#bfa76a")

HERE = Path(__file__).parent
# One module in the browser: numbers, pictures of them, marks on those, the frame.
SCRIPTS = ("live_chart_data.js", "live_chart_picture.js", "live_chart_marks.js", "live_chart.js")
# No shadow root: Plotly puts its one style sheet into the document's head, which does not reach into a shadow.
# Every rule of ours is therefore prefixed with .athanor-live.
_mount = st.components.v2.component(
    "athanor_live_chart",
    css=(HERE / "live_chart.css").read_text(encoding="utf-8"),
    js="\n".join((HERE / name).read_text(encoding="utf-8") for name in SCRIPTS),
    isolate_styles=False,
)


def show(run: int | None, *, key: str, language: str, overlays: Sequence[int] = (), height: int = 306, attempt: int = 0) -> None:
    """Draw the curves of `run` as they grow; None draws an example. `height` in pixels is that of the plot without its controls.

    Pass another `attempt` when a run that had ended goes on: the chart reads on from where it was.
    """
    _mount(
        key=key,
        data={
            "run": run,
            "overlays": [other for other in dict.fromkeys(overlays) if other != run],
            "attempt": attempt,
            "height": height,
            "library": f"assets/plotly.min.js?v={version('plotly')}",
            "words": _words(language),
            "colours": {"light": OVERLAY_LIGHT, "dark": OVERLAY_DARK},
        },
    )


def show_overlay(runs: Sequence[int], *, key: str, language: str, height: int = 306) -> None:
    """Draw the validation (solid) and training (dashed) curves of several runs, coloured by `OVERLAY_LIGHT` in their order."""
    show(None, key=key, language=language, overlays=runs, height=height)


def _words(language: str) -> dict[str, str]:
    """The chart's sentences; their `{fields}` are filled in the browser."""
    return {key.removeprefix("chart."): text for key, text in strings.catalogue(language).items() if key.startswith("chart.")}
