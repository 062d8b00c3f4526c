"""What was taken for what: counts -> heat map. Imports no streamlit."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

# Classes up to which each count is written, names are, and names are level.
COUNTED, NAMED, LEVEL = 24, 60, 12
# A wrong cell is never fainter than this, or one picture among hundreds would not be seen; counts on stronger ones are light.
FAINTEST, STRONG = 0.15, 0.55
# The colours of the theme in their order: right is validation's blue, wrong is amber.
Figure = alt.LayerChart | alt.Chart
_PLACES = ["right", "1", "2", "3", "wrong"]


def cells(matrix: Sequence[Sequence[int]], classes: Sequence[str]) -> list[dict[str, Any]]:
    """A row per cell that is not empty. `weight` in 0..1: right by its share of the class, wrong by the root of it, for most are few."""
    totals: dict[int, int] = {}
    for true, _, count in matrix:
        totals[true] = totals.get(true, 0) + count
    return [
        {
            "true": classes[true], "answer": classes[answer], "count": count, "share": count / totals[true],
            "kind": "right" if true == answer else "wrong",
            "weight": count / totals[true] if true == answer else FAINTEST + (1 - FAINTEST) * (count / totals[true]) ** 0.5,
        }
        for true, answer, count in matrix
    ]  # fmt: skip


def figure(matrix: Sequence[Sequence[int]], classes: Sequence[str], words: Mapping[str, str], inks: tuple[str, str]) -> Figure:
    """The heat map; `words` name `true`, `answer`, `count` and `share`, `inks` are for counts on strong and on weak colour."""
    names, named, counted = list(classes), len(classes) <= NAMED, len(classes) <= COUNTED
    axis: dict[str, Any] = {"labels": named, "ticks": False, "domain": False, "grid": counted, "tickBand": "extent", "labelLimit": 90}
    across, down = alt.Axis(**axis, labelAngle=0 if len(classes) <= LEVEL else -60), alt.Axis(**axis)
    base = alt.Chart(alt.Data(values=cells(matrix, classes))).encode(
        x=alt.X("answer:N", sort=names, scale=alt.Scale(domain=names), title=words["answer"], axis=across),
        y=alt.Y("true:N", sort=names, scale=alt.Scale(domain=names), title=words["true"], axis=down),
        tooltip=[
            alt.Tooltip("true:N", title=words["true"]), alt.Tooltip("answer:N", title=words["answer"]),
            alt.Tooltip("count:Q", title=words["count"]), alt.Tooltip("share:Q", title=words["share"], format=".1%"),
        ],
    )  # fmt: skip
    squares = base.mark_rect(cornerRadius=3, strokeWidth=0).encode(
        color=alt.Color("kind:N", scale=alt.Scale(domain=_PLACES), legend=None),
        opacity=alt.Opacity("weight:Q", scale=alt.Scale(domain=[0, 1], range=[0, 1]), legend=None),
    )
    if not counted:
        return squares
    strong, weak = (base.mark_text(fontSize=12, color=ink).encode(text="count:Q") for ink in inks)
    return squares + strong.transform_filter(f"datum.weight >= {STRONG}") + weak.transform_filter(f"datum.weight < {STRONG}")
