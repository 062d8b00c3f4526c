"""Many runs in one picture, knobs and results as axes: data -> figure. Imports no Streamlit: the data is compared with ==."""

import html
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

# Axis values written at a parallel axis at most; runs that a chart of lines can be read with.
TICKS, MOST_LINES = 7, 2_000
# Shades by which lines are told apart by their last axis.
SHADES = 5

Value = float | int | str | None


@dataclass(frozen=True)
class Axis:
    """A knob or a result along which runs stand: `values` one per run. `log`: zero stands below the lowest, as on no axis it could.

    `written` writes a value as people read it; `share`: the numbers are shares, written as percentages.
    """

    label: str
    values: tuple[Value, ...]
    log: bool
    written: Callable[[Value], str]
    share: bool = False

    @property
    def words(self) -> bool:
        """Whether its values are names, not numbers."""
        return any(isinstance(value, str) for value in self.values)

    @property
    def zero(self) -> float:
        """Where zero stands on a logarithmic axis: a decade below the lowest."""
        positive = [value for value in self.values if isinstance(value, int | float) and value > 0]
        return math.floor(math.log10(min(positive))) - 1.0 if positive else 0.0

    def places(self) -> list[float | None]:
        """Where each run stands; None where it has no value."""
        if self.words:
            order = {name: float(place) for place, name in enumerate(sorted({str(value) for value in self.values if value is not None}))}
            return [None if value is None else order[str(value)] for value in self.values]
        numbers = [value if isinstance(value, int | float) and math.isfinite(value) else None for value in self.values]
        if not self.log:
            return [None if value is None else float(value) for value in numbers]
        zero = self.zero
        return [None if value is None or value < 0 else math.log10(value) if value > 0 else zero for value in numbers]

    def ticks(self) -> list[tuple[float, str]]:
        """What is written where; empty where the drawing library does it well: plain numbers."""
        found = {place: self.written(value) for place, value in zip(self.places(), self.values, strict=True) if place is not None}
        if self.words or len(found) <= TICKS:
            return sorted(found.items())
        if not self.log:
            return []
        low, high = math.ceil(min(found)), math.floor(max(found))
        zero = [(self.zero, self.written(0.0))] if 0 in self.values or 0.0 in self.values else []
        return zero + [(float(power), f"1e{power}") for power in range(low + bool(zero), high + 1)]


@dataclass(frozen=True)
class Point:
    """A run in a picture: its number and name, and the colour of its line where it is chosen."""

    run: int
    name: str
    colour: str | None = None


@dataclass(frozen=True)
class Ink:
    """The theme's colours: text, grid, runs that are not chosen, and the light and the strong end of a scale."""

    text: str
    grid: str
    quiet: str
    low: str
    high: str


def hovers(points: Sequence[Point], axes: Sequence[Axis]) -> list[str]:
    """What stands at each run: its number, name and values. Names are text, also to the drawing library."""
    said = [[f"{html.escape(axis.label)}: {html.escape(axis.written(value))}" for value in axis.values] for axis in axes]
    return ["<br>".join([f"<b>{point.run}</b> {html.escape(point.name)}", *each]) for point, *each in zip(points, *said, strict=True)]


def scatter(points: Sequence[Point], across: Axis, up: Axis) -> dict[str, list[Any]]:
    """The dots that have both values, chosen ones last so that they lie on top: `x`, `y`, `colour`, `hover`."""
    rows = zip(across.places(), up.places(), (point.colour for point in points), hovers(points, [across, up]), strict=True)
    dots = sorted((row for row in rows if row[0] is not None and row[1] is not None), key=lambda row: row[2] is not None)
    return {name: [dot[place] for dot in dots] for place, name in enumerate(("x", "y", "colour", "hover"))}


def scatter_figure(data: dict[str, list[Any]], axes: tuple[Axis, Axis], ink: Ink, height: int) -> Any:
    """Dots: grey the runs, in their lines' colours the chosen ones."""
    import plotly.graph_objects as go

    chosen = [colour is not None for colour in data["colour"]]
    kind = go.Scattergl if len(chosen) > MOST_LINES else go.Scatter
    marker = {
        "color": [colour or ink.quiet for colour in data["colour"]], "size": [11 if each else 7 for each in chosen],
        "opacity": [1.0 if each else 0.55 for each in chosen], "line": {"width": 0},
    }  # fmt: skip
    figure = go.Figure(kind(x=data["x"], y=data["y"], mode="markers", marker=marker, hovertext=data["hover"], hoverinfo="text"))
    figure.update_layout(height=height, margin={"l": 8, "r": 8, "t": 8, "b": 8}, showlegend=False, font={"color": ink.text})
    figure.update_xaxes(**_axis(axes[0], ink))
    figure.update_yaxes(**_axis(axes[1], ink))
    return figure


def _axis(axis: Axis, ink: Ink) -> dict[str, Any]:
    given: dict[str, Any] = {"title": {"text": html.escape(axis.label), "standoff": 10}, "gridcolor": ink.grid, "griddash": "dot"}
    given |= {"zeroline": False}
    given |= {"tickformat": ".0%"} if axis.share else {}
    ticks = axis.ticks() if axis.log or axis.words else []
    if ticks:
        given |= {"tickmode": "array", "tickvals": [place for place, _ in ticks], "ticktext": [html.escape(text) for _, text in ticks]}
    return {"automargin": True, **given}


@dataclass(frozen=True)
class Line:
    """A run across the axes: heights from 0 to 1, its shade by its place on the last axis (0 to 4), and its hover."""

    run: int
    heights: tuple[float, ...]
    shade: int
    colour: str | None
    hover: str


def parallel(points: Sequence[Point], axes: Sequence[Axis]) -> list[Line]:
    """The runs that have a value on every axis, chosen ones last; the newest 2,000."""
    scaled = [_scaled(axis) for axis in axes]
    rows = list(zip(points, hovers(points, axes), *scaled, strict=True))
    whole = [row for row in rows if all(height is not None for height in row[2:])][:MOST_LINES]
    lines = [Line(point.run, tuple(each), min(int(each[-1] * SHADES), SHADES - 1), point.colour, hover) for point, hover, *each in whole]
    return sorted(lines, key=lambda line: line.colour is not None)


def _scaled(axis: Axis) -> list[float | None]:
    places = axis.places()
    low, span = _span(axis)
    return [None if place is None else (place - low) / span if span else 0.5 for place in places]


def _span(axis: Axis) -> tuple[float, float]:
    """Where an axis begins, and how far it reaches."""
    there = [place for place in axis.places() if place is not None]
    return (min(there), max(there) - min(there)) if there else (0.0, 0.0)


def parallel_figure(lines: Sequence[Line], axes: Sequence[Axis], ink: Ink, height: int) -> Any:
    """A vertical axis for each knob and result, a line for each run."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for shade in range(SHADES):
        some = [line for line in lines if line.colour is None and line.shade == shade]
        _add(figure, some, _between(ink.low, ink.high, shade / (SHADES - 1)), 1.2)
    for colour in dict.fromkeys(line.colour for line in lines if line.colour is not None):
        _add(figure, [line for line in lines if line.colour == colour], colour, 3.0)
    last = max(len(axes) - 1, 1)
    for place, axis in enumerate(axes):
        figure.add_shape(type="line", x0=place, x1=place, y0=0, y1=1, line={"color": ink.quiet, "width": 1}, layer="below")
        anchor = "left" if place == 0 else "right" if place == last else "center"
        figure.add_annotation(
            x=place, y=1.1, text=html.escape(_short(axis.label)), showarrow=False, xanchor=anchor,
            xshift={"left": -8, "right": 8}.get(anchor, 0), font={"color": ink.text, "size": 12},
        )  # fmt: skip
        for text, at in _marks(axis):
            figure.add_annotation(
                x=place, y=at, text=html.escape(text), showarrow=False, xanchor="right" if place == last else "left",
                xshift=-6 if place == last else 6, yshift=8, font={"size": 11, "color": ink.text},
            )  # fmt: skip
    figure.update_xaxes(visible=False, range=[-0.15, last + 0.15], fixedrange=True)
    figure.update_yaxes(visible=False, range=[-0.06, 1.15], fixedrange=True)
    figure.update_layout(height=height, margin={"l": 8, "r": 8, "t": 8, "b": 8}, showlegend=False, hovermode="closest")
    return figure


def _add(figure: Any, lines: Sequence[Line], colour: str | None, width: float) -> None:
    """The lines as one trace with gaps: two thousand traces would take seconds."""
    if lines:
        across = [place for line in lines for place in (*range(len(line.heights)), None)]
        up = [height for line in lines for height in (*line.heights, None)]
        hover = [line.hover for line in lines for _ in (*line.heights, None)]
        figure.add_scatter(
            x=across, y=up, mode="lines+markers", hovertext=hover, hoverinfo="text", marker={"size": 2 * width + 1, "color": colour},
            line={"color": colour, "width": width}, opacity=1.0 if width > 2 else 0.6,
        )  # fmt: skip


def _marks(axis: Axis) -> list[tuple[str, float]]:
    low, span = _span(axis)
    ticks = axis.ticks() or [(place, axis.written(place)) for place in (low, low + span)]
    return [(text, (place - low) / span if span else 0.5) for place, text in ticks]


def _short(label: str) -> str:
    return label if len(label) <= 18 else f"{label[:17]}…"


def _between(one: str, other: str, share: float) -> str:
    """A colour between two of the form `#rrggbb`."""
    pairs = [(int(one[at : at + 2], 16), int(other[at : at + 2], 16)) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(low + share * (high - low)):02x}" for low, high in pairs)
