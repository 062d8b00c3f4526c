"""What was taken for what: counts -> rows of a heat map."""

import pytest

from pages.components import confusion

WORDS = {"true": "shows", "answer": "answer", "count": "pictures", "share": "share"}


def test_right_cells_weigh_by_share_and_a_single_mistake_is_seen() -> None:
    cells = confusion.cells([[0, 0, 99], [0, 1, 1], [1, 1, 50]], ["cat", "<b>dog</b>"])
    assert [(cell["true"], cell["answer"], cell["count"], cell["kind"]) for cell in cells] == [
        ("cat", "cat", 99, "right"), ("cat", "<b>dog</b>", 1, "wrong"), ("<b>dog</b>", "<b>dog</b>", 50, "right"),
    ]  # fmt: skip
    assert [cell["weight"] for cell in cells] == pytest.approx([0.99, 0.235, 1.0])


@pytest.mark.parametrize("classes", [2, 30, 200])
def test_counts_are_written_where_there_is_room(classes: int) -> None:
    matrix = [[place, place, 3] for place in range(classes)]
    drawn = confusion.figure(matrix, [f"class {place}" for place in range(classes)], WORDS, ("#fff", "#000")).to_dict()
    assert ("layer" in drawn) == (classes <= confusion.COUNTED)
