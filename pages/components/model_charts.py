"""The figures of the Model page: data -> figure. Imports no Streamlit: the data is compared with ==, the figure made of it."""

from collections.abc import Callable, Mapping, Sequence

import altair as alt

from engine import catalog
from engine.strings import figures
from engine.studies.tradeoff import Measurement

Dot = dict[str, str | float]
# Runs that a browser draws well as shapes.
MOST = 2_000
# Architectures under each other beside the picture, and side by side below a narrow one.
TALL, NARROW = 14, 2


def dots(found: Sequence[Measurement], run_label: Callable[[int], str]) -> list[Dot]:
    """A dot for each run; where a press on it leads, and what its hover says."""
    return [
        {
            "run": run_label(one.run.id), "name": one.run.name, "href": f"run?id={one.run.id}",
            "architecture": catalog.ARCHITECTURES[one.run.knobs["architecture"]].label,
            "speed": one.speed, "accuracy": one.accuracy, "accuracy_words": figures.percent(one.accuracy),
            "resolution": figures.knob(one.run.knobs["resolution"], "px"), "batch": one.run.knobs["batch_size"],
        }
        for one in found[:MOST]
    ]  # fmt: skip


def tradeoff_figure(data: Sequence[Dot], words: Mapping[str, str], colours: Sequence[str], height: int, narrow: bool = False) -> alt.Chart:
    """Accuracy upwards, speed to the right, a colour and a shape for each architecture. `words` name the axes and what the hover says.

    In a `narrow` place the architectures are named below.
    """
    names = sorted({str(dot["architecture"]) for dot in data})
    columns = NARROW if narrow else -(-len(names) // TALL)
    legend = alt.Legend(title=None, orient="bottom" if narrow else "right", columns=columns, symbolSize=80)
    across = alt.Axis(title=words["across"], format=".3~s", tickCount=5, domain=False, ticks=False, grid=False)
    up = alt.Axis(title=words["up"], format=".0%", tickCount=4, domain=False, ticks=False)
    return (
        alt.Chart(alt.Data(values=list(data)), height=height)
        .mark_point(filled=True, size=90, opacity=0.85, cursor="pointer")
        .encode(
            x=alt.X("speed:Q", scale=alt.Scale(type="log", nice=False, padding=24), axis=across),
            y=alt.Y("accuracy:Q", scale=alt.Scale(zero=False, padding=16), axis=up),
            color=alt.Color("architecture:N", scale=alt.Scale(domain=names, range=_cycled(colours, len(names))), legend=legend),
            shape=alt.Shape("architecture:N", scale=alt.Scale(domain=names), legend=legend),
            href="href:N",
            tooltip=[
                alt.Tooltip("run:N", title=words["run"]), alt.Tooltip("name:N", title=words["name"]),
                alt.Tooltip("architecture:N", title=words["architecture"]), alt.Tooltip("accuracy_words:N", title=words["up"]),
                alt.Tooltip("speed:Q", title=words["across"], format=",.0f"),
                alt.Tooltip("resolution:N", title=words["resolution"]), alt.Tooltip("batch:Q", title=words["batch"]),
            ],
        )
    )  # fmt: skip


def _cycled(colours: Sequence[str], count: int) -> list[str]:
    return [colours[place % len(colours)] for place in range(count)]
