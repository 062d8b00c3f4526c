"""What was taken for what: counts -> heat map. Imports no streamlit."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

# Classes up to which each count is written, and names are.
COUNTED, NAMED = 24, 60
# A wrong cell is never fainter than this, or one picture among hundreds would not be seen.
FAINTEST = 0.18
STRONG = 0.55
# The colours of the theme in their order: right is validation's blue, wrong is amber.
_PLACES = ["right", "1", "2", "3", "wrong"]


def cells(matrix: Sequence[Sequence[int]], classes: Sequence[str]) -> list[dict[str, Any]]:
    """A row per cell that is not empty. `weight` in 0..1: right by its share of the class, wrong against the commonest mistake."""
    totals: dict[int, int] = {}
    for true, _, count in matrix:
        totals[true] = totals.get(true, 0) + count
    most = max((count / totals[true] for true, answer, count in matrix if true != answer), default=1.0)
    return [
        {
            "true": classes[true], "answer": classes[answer], "count": count, "share": count / totals[true],
            "kind": "right" if true == answer else "wrong",
            "weight": count / totals[true] if true == answer else FAINTEST + (1 - FAINTEST) * count / totals[true] / most,
        }
        for true, answer, count in matrix
    ]  # fmt: skip


def figure(matrix: Sequence[Sequence[int]], classes: Sequence[str], words: Mapping[str, str], ink: str) -> alt.LayerChart | alt.Chart:
    """The heat map; `words` name `true`, `answer`, `count` and `share`, `ink` is for counts on strong colour."""
    names, named = list(classes), len(classes) <= NAMED
    axis = alt.Axis(labels=named, ticks=False, domain=False, grid=False, labelLimit=90, labelAngle=0 if len(classes) <= 12 else -60)
    base = alt.Chart(alt.Data(values=cells(matrix, classes))).encode(
        x=alt.X("answer:N", sort=names, scale=alt.Scale(domain=names), title=words["answer"], axis=axis),
        y=alt.Y("true:N", sort=names, scale=alt.Scale(domain=names), title=words["true"], axis=axis.copy()),
        tooltip=[
            alt.Tooltip("true:N", title=words["true"]), alt.Tooltip("answer:N", title=words["answer"]),
            alt.Tooltip("count:Q", title=words["count"]), alt.Tooltip("share:Q", title=words["share"], format=".1%"),
        ],
    )  # fmt: skip
    squares = base.mark_rect(cornerRadius=3, strokeWidth=0).encode(
        color=alt.Color("kind:N", scale=alt.Scale(domain=_PLACES), legend=None),
        opacity=alt.Opacity("weight:Q", scale=alt.Scale(domain=[0, 1], range=[0, 1]), legend=None),
    )
    if len(classes) > COUNTED:
        return squares
    counts = base.mark_text(fontSize=12).encode(text="count:Q")
    strong, weak = f"datum.weight >= {STRONG}", f"datum.weight < {STRONG}"
    return squares + counts.mark_text(fontSize=12, color=ink).transform_filter(strong) + counts.transform_filter(weak)
