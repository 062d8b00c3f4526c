"""The figures of the pages: their data compared with ==, and that any data can be drawn."""

import itertools
import math

import pytest

from pages.components import charts

WORDS = {"train": "learn", "validation": "validate", "test": "test", "class": "Class", "part": "Part", "count": "Pictures"}


def test_the_counts_are_a_row_for_each_class_and_part() -> None:
    counts = {"train": [5, 6], "validation": [2, 1], "test": [1, 0]}
    assert charts.class_counts(["cat", "dog"], counts, WORDS) == [
        {"class": "cat", "part": "learn", "count": 5, "order": 0},
        {"class": "cat", "part": "validate", "count": 2, "order": 1},
        {"class": "cat", "part": "test", "count": 1, "order": 2},
        {"class": "dog", "part": "learn", "count": 6, "order": 0},
        {"class": "dog", "part": "validate", "count": 1, "order": 1},
        {"class": "dog", "part": "test", "count": 0, "order": 2},
    ]


@pytest.mark.parametrize(("classes", "labels", "angle"), [(10, True, 0), (40, True, -40), (1000, False, -40)])
def test_names_stand_under_their_bars_as_long_as_there_is_room(classes: int, labels: bool, angle: int) -> None:
    names = [f"<b>{place}.[x]" for place in range(classes)]
    rows = charts.class_counts(names, dict.fromkeys(charts.STACKED, [1] * classes), WORDS)
    figure = charts.class_counts_figure(rows, WORDS, 176).to_dict()
    assert figure["encoding"]["x"]["sort"] == names
    assert (figure["encoding"]["x"]["axis"]["labels"], figure["encoding"]["x"]["axis"]["labelAngle"]) == (labels, angle)
    assert figure["encoding"]["color"]["scale"]["domain"] == ["validate", "learn", "test"]
    assert figure["data"]["values"] == rows


def test_the_evidence_is_a_row_for_each_epoch_with_a_gap_where_there_is_no_number() -> None:
    columns = {"value": [0.1, math.nan, math.inf], "limit": [0.2, 0.2, 0.2], "low": None}
    assert charts.evidence_rows([3, 4, 6], columns) == [
        {"epoch": 3, "value": 0.1, "limit": 0.2},
        {"epoch": 4, "value": None, "limit": 0.2},
        {"epoch": 6, "value": None, "limit": 0.2},
    ]
    assert charts.evidence_rows([], {"value": []}) == []


@pytest.mark.parametrize("epochs", [1, 400, 401, 799, 800, 1000, 9999, 10_000])
def test_of_a_long_run_some_epochs_are_drawn_and_always_the_last(epochs: int) -> None:
    rows = charts.evidence_rows(range(1, epochs + 1), {"value": [float(epoch) for epoch in range(1, epochs + 1)]})
    assert len(rows) < 2 * charts.MOST_EPOCHS
    assert rows[-1] == {"epoch": epochs, "value": float(epochs)}
    assert len({int(b["epoch"] or 0) - int(a["epoch"] or 0) for a, b in itertools.pairwise(rows)}) <= 1


@pytest.mark.parametrize(
    ("bounds", "layers"), [({}, ["rule", "line", "line"]), ({"low": [0.0], "high": [0.2]}, ["rule", "line", "line", "area"])]
)
def test_a_value_has_its_limit_and_its_interval_where_there_is_one(bounds: dict[str, list[float]], layers: list[str]) -> None:
    rows = charts.evidence_rows([1], {"value": [0.1], "limit": [0.1]} | bounds)
    figure = charts.evidence_figure(rows, ("#00f", "#fa0"), True, 130).to_dict()
    assert sorted((layer["mark"]["type"] for layer in figure["layer"]), reverse=True) == layers
    assert figure["data"]["values"] == rows
    dashed = next(layer for layer in figure["layer"] if "strokeDash" in layer["mark"])
    assert (dashed["mark"]["color"], dashed["encoding"]["y"]["field"]) == ("#fa0", "limit")


def test_shares_are_written_in_percent_and_other_numbers_as_they_are() -> None:
    rows = charts.evidence_rows([1], {"value": [0.1], "limit": [0.1]})
    for share, written in ((True, ".0%"), (False, ",~f")):
        figure = charts.evidence_figure(rows, ("#00f", "#fa0"), share, 130).to_dict()
        axes = [layer["encoding"]["y"]["axis"] for layer in figure["layer"] if "axis" in layer["encoding"].get("y", {})]
        assert [axis["format"] for axis in axes] == [written]
