"""The figures of the pages: their data compared with ==, and that any data can be drawn."""

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
