"""What a search and the filters find among runs."""

import pytest

from engine.config import RunConfig
from engine.store.overview import Facts, Row
from engine.store.runs import State
from engine.studies.sifting import choices, sift


def row(number: int, name: str = "a run", state: State = State.FINISHED, tags: tuple[str, ...] = (), **knobs: object) -> Row:
    return Row(number, name, state, "seen *twice*", tags, Facts(RunConfig.from_flat(knobs).flat(), {"verdict": "healthy"}, None))


KNOWN = [
    row(12, "Straße", dropout=0.5),
    row(2, "baseline", tags=("thesis",), architecture="resnet18"),
    row(1, "other", State.FAILED, dataset="cifar10"),
]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("", [12, 2, 1]), ("12", [12]), ("#1", [1]), ("BASE", [2]), ("strasse", [12]), ("thesis", [2]), ("*twice*", [12, 2, 1]),
        ("dropout=0.5", [12]), ("dropout=0", []), ("resnet18 base", [2]), ("cifar", [1]), ("resnet18 other", []), ("[", []),
    ],
)  # fmt: skip
def test_every_word_must_be_found(search: str, found: list[int]) -> None:
    assert [each.id for each in sift(KNOWN, search, {})] == found


def test_filters_are_alternatives_within_a_kind_and_conditions_between_kinds() -> None:
    assert [each.id for each in sift(KNOWN, "", {"state": ["finished", "failed"], "dataset": ["digits"]})] == [12, 2]
    assert [each.id for each in sift(KNOWN, "", {"tag": ["thesis"], "verdict": []})] == [2]
    assert sift(KNOWN, "", {"tag": ["thesis"], "state": ["failed"]}) == []


def test_choices_are_what_there_is() -> None:
    assert choices(KNOWN) == {
        "state": ["failed", "finished"], "dataset": ["cifar10", "digits"], "architecture": ["lenet", "resnet18"],
        "verdict": ["healthy"], "tag": ["thesis"],
    }  # fmt: skip
