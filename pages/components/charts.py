"""Data -> figure, for all pages. Imports no Streamlit: the data is compared with ==, the figure made of it and nothing else."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

# Classes up to which each has its name under its bar; up to which the name is tilted; more have it in the hover only.
LEVEL, TILTED = 12, 40
# Places in the theme's list of colours.
VALIDATION, AMBER = 0, 4
# The order of the theme's colours: validation, training, test.
COLOURED = ("validation", "train", "test")
STACKED = ("train", "validation", "test")

# Epochs drawn of a small picture of evidence: more than it has pixels across.
MOST_EPOCHS = 400

Row = dict[str, str | int]


def class_counts(classes: Sequence[str], counts: Mapping[str, Sequence[int]], words: Mapping[str, str]) -> list[Row]:
    """A row for each class and part: `words` are the parts' names on the screen."""
    return [
        {"class": name, "part": words[part], "count": counts[part][place], "order": order}
        for place, name in enumerate(classes)
        for order, part in enumerate(STACKED)
    ]


def class_counts_figure(rows: Sequence[Row], words: Mapping[str, str], height: int) -> alt.Chart:
    """Bars of the classes in their order, stacked by part. `words` also names the two axes: `class`, `count`."""
    names = list(dict.fromkeys(str(row["class"]) for row in rows))
    axis: dict[str, Any] = {
        "title": None,
        "labels": len(names) <= TILTED,
        "labelAngle": 0 if len(names) <= LEVEL else -40,
        "labelLimit": 78,
    }
    between = 0.55 if len(names) <= LEVEL else 0.3 if len(names) <= TILTED else 0.0
    colours = alt.Scale(domain=[words[part] for part in COLOURED])
    return (
        alt.Chart(alt.Data(values=list(rows)), height=height)
        .mark_bar()
        .encode(
            x=alt.X("class:N", sort=names, axis=alt.Axis(ticks=False, domain=False, **axis), scale=alt.Scale(paddingInner=between)),
            y=alt.Y("count:Q", axis=alt.Axis(title=None, tickCount=3, ticks=False, domain=False)),
            color=alt.Color("part:N", scale=colours, legend=None),
            order=alt.Order("order:O"),
            tooltip=[
                alt.Tooltip("class:N", title=words["class"]),
                alt.Tooltip("part:N", title=words["part"]),
                alt.Tooltip("count:Q", title=words["count"], format=","),
            ],
        )
    )


def evidence_rows(epochs: Sequence[int], columns: Mapping[str, Sequence[float] | None]) -> list[dict[str, float | None]]:
    """A row for each epoch, every so many of a long run up to its last: its number and a value of each column; None for a gap."""
    every = max(1, len(epochs) // MOST_EPOCHS)
    return [
        {"epoch": epochs[place]} | {name: _finite(values[place]) for name, values in columns.items() if values is not None}
        for place in range((len(epochs) - 1) % every, len(epochs), every)
    ]


def _finite(value: float) -> float | None:
    return float(value) if abs(value) < float("inf") else None


def evidence_figure(rows: Sequence[Mapping[str, float | None]], colours: tuple[str, str], share: bool, height: int) -> Any:
    """The value as a line, its interval as a band, its limit dashed. `colours` are of value and limit."""
    base = alt.Chart(alt.Data(values=list(rows)), height=height)
    written = ".0%" if share else ",~f"
    across = alt.X("epoch:Q", axis=alt.Axis(title=None, tickCount=4, tickMinStep=1, format="d", domain=False, ticks=False))
    up = alt.Axis(title=None, tickCount=3, ticks=False, domain=False, format=written)
    line = base.mark_line(color=colours[0], strokeWidth=2, clip=True).encode(x=across, y=alt.Y("value:Q", axis=up))
    limit = base.mark_line(color=colours[1], strokeDash=[4, 4], strokeWidth=1.5).encode(x=across, y="limit:Q")
    tips = [alt.Tooltip("epoch:Q"), *(alt.Tooltip(f"{name}:Q", format=".1%" if share else ".3~g") for name in ("value", "limit"))]
    hover = base.mark_rule(opacity=0, strokeWidth=8).encode(x=across, tooltip=tips)
    if any("low" in row for row in rows):
        band = base.mark_area(color=colours[0], opacity=0.15).encode(x=across, y="low:Q", y2="high:Q")
        return alt.layer(band, limit, line, hover)
    return alt.layer(limit, line, hover)


# A range test is drawn up to so much above the highest mean before its lowest: what lies higher says only that the rate was too high.
ABOVE = 1.15


def range_rows(rates: Sequence[float], losses: Sequence[float], smoothed: Sequence[float]) -> list[dict[str, float | None]]:
    """A row for each rate of a range test: the loss of its batch, and the mean around it; None above what is drawn."""
    lowest = min(range(len(smoothed)), key=smoothed.__getitem__, default=0)
    most = ABOVE * max(smoothed[: lowest + 1], default=0.0)
    return [
        {"rate": rate, "loss": loss if loss <= most else None, "mean": mean if mean <= most else None}
        for rate, loss, mean in zip(rates, losses, smoothed, strict=True)
    ]


def range_figure(
    rows: Sequence[Mapping[str, float | None]], suggested: float | None, colours: tuple[str, str], words: Mapping[str, str], height: int
) -> Any:
    """Batches as faint dots, their mean as a line, the suggested rate as an upright one. `colours` are of line and mark."""
    base = alt.Chart(alt.Data(values=list(rows)), height=height)
    scale = alt.Scale(type="log", domain=[rows[0]["rate"], rows[-1]["rate"]], nice=False)
    across = alt.X("rate:Q", scale=scale, axis=alt.Axis(title=None, format=".0e", tickCount=6, grid=False, ticks=False))
    up = alt.Axis(title=None, tickCount=3, ticks=False, domain=False)
    dots = base.mark_circle(color=colours[0], size=10, opacity=0.35, clip=True).encode(x=across, y=alt.Y("loss:Q", axis=up))
    tips = [alt.Tooltip("rate:Q", title=words["rate"], format=".2~g"), alt.Tooltip("mean:Q", title=words["loss"], format=".3~g")]
    line = base.mark_line(color=colours[0], strokeWidth=2, clip=True).encode(x=across, y="mean:Q")
    hover = base.mark_rule(opacity=0, strokeWidth=6).encode(x=across, tooltip=tips)
    marks = (
        []
        if suggested is None
        else [alt.Chart(alt.Data(values=[{"rate": suggested}])).mark_rule(color=colours[1], strokeWidth=2).encode(x=across)]
    )
    return alt.layer(dots, line, *marks, hover)
