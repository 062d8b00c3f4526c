"""Runs along axes: the data of the pictures, and that a figure can be made of it."""

import math

import pytest

from engine.strings import figures
from pages.components import run_charts
from pages.components.run_charts import Axis, Ink, Line, Point

INK = Ink("#111111", "#eeeeee", "#888888", "#eeeeee", "#0f766e")
POINTS = [Point(3, "three", "#c2642d"), Point(2, "<b>two</b>"), Point(1, "one")]


def number(label: str, *values: float | None, log: bool = False) -> Axis:
    return Axis(label, values, log, lambda value: "—" if value is None else figures.short(value))


def word(label: str, *values: str | None) -> Axis:
    return Axis(label, values, False, str)


def test_chosen_dots_lie_on_top_and_what_has_no_value_is_left_out() -> None:
    data = run_charts.scatter(POINTS, number("Dropout", 0.5, 0.2, None), number("Validation", 0.9, 0.8, 0.7))
    assert data == {
        "x": [0.2, 0.5],
        "y": [0.8, 0.9],
        "colour": [None, "#c2642d"],
        "hover": [
            "<b>2</b> &lt;b&gt;two&lt;/b&gt;<br>Dropout: 0.2<br>Validation: 0.8",
            "<b>3</b> three<br>Dropout: 0.5<br>Validation: 0.9",
        ],
    }


def test_a_logarithmic_axis_has_decades_and_a_place_for_zero() -> None:
    axis = number("Decay", 0.0, 1e-5, 1e-3, log=True)
    assert axis.places() == pytest.approx([-6.0, -5.0, -3.0])
    assert axis.ticks() == [(-6.0, "0"), (-5.0, "1e-5"), (-3.0, "1e-3")]
    many = number("Rate", *(10 ** (-5 + step / 3) for step in range(10)), log=True)
    assert many.ticks() == [(-5.0, "1e-5"), (-4.0, "1e-4"), (-3.0, "1e-3"), (-2.0, "1e-2")]
    assert number("Rate", -1.0, math.nan, 1.0, log=True).places() == [None, None, 0.0]


def test_names_stand_in_order_of_the_alphabet() -> None:
    axis = word("Optimiser", "sgd", "adam", None)
    assert axis.places() == [1.0, 0.0, None]
    assert axis.ticks() == [(0.0, "adam"), (1.0, "sgd")]


def test_lines_run_from_axis_to_axis_in_five_shades() -> None:
    axes = [number("Dropout", 0.0, 0.5, 0.25), word("Net", "b", "a", "b"), number("Validation", 0.9, 0.5, 0.7)]
    lines = run_charts.parallel(POINTS, axes)
    assert [(line.run, line.heights, line.shade, line.colour) for line in lines] == [
        (2, (1.0, 0.0, 0.0), 0, None),
        (1, (0.5, 1.0, pytest.approx(0.5)), 2, None),
        (3, (0.0, 1.0, 1.0), 4, "#c2642d"),
    ]
    assert isinstance(lines[0], Line)


def test_equal_values_stand_in_the_middle_and_missing_ones_leave_the_line_out() -> None:
    lines = run_charts.parallel(POINTS, [number("Dropout", 0.2, 0.2, 0.2), number("Validation", 0.9, None, 0.7)])
    assert [(line.run, line.heights) for line in lines] == [(1, (0.5, 0.0)), (3, (0.5, 1.0))]


def test_figures_are_made_of_the_data() -> None:
    axes = (number("Rate", 1e-4, 1e-3, 1e-2, log=True), number("Validation", 0.9, 0.8, 0.7))
    dots = run_charts.scatter_figure(run_charts.scatter(POINTS, *axes), axes, INK, 300)
    assert dots.data[0].marker.color == ("#888888", "#888888", "#c2642d")
    assert dots.layout.xaxis.ticktext == ("1e-4", "1e-3", "0.01")
    lines = run_charts.parallel_figure(run_charts.parallel(POINTS, axes), axes, INK, 300)
    assert sum(len([height for height in trace.y if height is not None]) for trace in lines.data) == 6
    assert lines.data[-1].line.color == "#c2642d"


def test_ten_thousand_runs_are_five_traces() -> None:
    many = [Point(place, "run") for place in range(10_000)]
    axes = [number("Dropout", *(place / 1e4 for place in range(10_000))), number("Validation", *(place / 2e4 for place in range(10_000)))]
    lines = run_charts.parallel(many, axes)
    assert len(lines) == run_charts.MOST_LINES
    assert len(run_charts.parallel_figure(lines, axes, INK, 300).data) <= 5
