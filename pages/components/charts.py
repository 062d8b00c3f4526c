"""Data -> figure, for all pages. Imports no Streamlit: the data is compared with ==, the figure made of it and nothing else."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

# Classes up to which each has its name under its bar; up to which the name is tilted; more have it in the hover only.
LEVEL, TILTED = 12, 40
# The order of the theme's colours: validation, training, test.
COLOURED = ("validation", "train", "test")
STACKED = ("train", "validation", "test")

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
