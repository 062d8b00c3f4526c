"""What is said of a dataset: thresholds met and missed, counts that are true, names that stay text."""

import numpy as np
import pytest

from engine import strings
from engine.config.data import DataConfig
from engine.data.audit import FEW, audit, half_width
from engine.data.split import Split, split


def findings(dataset, parts: Split | None = None) -> dict[str, dict]:
    found = audit(dataset, parts or split(dataset, DataConfig(dataset="made")))
    assert [one.level for one in found] == sorted((one.level for one in found), reverse=True), "warnings come first"
    for one in found:
        assert strings.say(one.key, "en", **one.fields)
        assert strings.say(one.key, "zh", **one.fields)
    return {one.key.removeprefix("data_page.audit."): one.fields for one in found}


@pytest.mark.parametrize(("count", "points"), [(816, 3.4), (305, 5.6), (12_000, 0.9), (1, 44.5), (0, 50.0)])
def test_the_accuracy_is_known_to_wilsons_half_width(count: int, points: float) -> None:
    assert round(half_width(count), 1) == points


def test_equal_classes_are_balanced_and_nothing_else_is_said(dataset_of) -> None:
    found = findings(dataset_of([0] * 3000 + [1] * 3000))
    assert found == {
        "equal": {"classes": 2, "count": 3000},
        "apart": {},
        "certainty": {"count": 1020, "points": 3.1},
    }


@pytest.mark.parametrize(("most", "key"), [(299, "balanced"), (300, "imbalance"), (2000, "imbalance")])
def test_three_to_one_is_no_balance(dataset_of, most: int, key: str) -> None:
    found = findings(dataset_of([0] * most + [1] * 100))
    assert {"balanced", "imbalance", "equal"} & set(found) == {key}
    if key == "imbalance":
        assert (found[key]["large"], found[key]["small"], found[key]["ratio"]) == ("0", "1", most / 100)


def test_a_class_with_few_pictures_is_named_and_several_are_counted(dataset_of) -> None:
    one = findings(dataset_of([0] * 100 + [1] * 100 + [2] * 12))
    assert one["few"]["name"] == "2"
    assert one["few"]["count"] < FEW
    assert findings(dataset_of([0] * 100 + [1] * 14 + [2] * 12))["few_classes"]["classes"] == 2


def test_the_same_picture_in_two_classes_is_counted_once_however_often_it_is_there(dataset_of) -> None:
    labels = [0] * 50 + [1] * 50
    keys = list(range(100))
    keys[51] = keys[52] = keys[1]
    assert findings(dataset_of(labels, keys))["two_classes_one"] == {"count": 1, "first": "0", "other": "1"}
    keys[60] = keys[2]
    assert findings(dataset_of(labels, keys))["two_classes"]["count"] == 2


def test_copies_within_a_class_are_no_contradiction_and_stay_on_one_side(dataset_of) -> None:
    found = findings(dataset_of([0] * 50 + [1] * 50, [0] * 10 + list(range(10, 100))))
    assert "apart" in found
    assert "two_classes" not in found


def test_a_test_picture_that_is_learned_from_is_counted(dataset_of) -> None:
    labels, keys = [0] * 60 + [1] * 60, list(range(120))
    test = [index % 60 < 10 for index in range(120)]
    for index in range(3):
        keys[index] = keys[20 + index]
    dataset = dataset_of(labels, keys, test)
    parts = split(dataset, DataConfig(dataset="made"))
    learned = {keys[index] for index in parts.train}
    assert findings(dataset, parts)["double_test"] == {"count": sum(keys[index] in learned for index in parts.test)}


@pytest.mark.parametrize(("official", "key"), [(False, "near_test"), (True, "near_official_test")])
def test_near_twins_on_both_sides_are_counted_and_the_way_out_is_named(dataset_of, official: bool, key: str) -> None:
    kin = list(range(200))
    kin[120:127], kin[160:163] = kin[:7], kin[10:13]
    test = [official and index >= 160 for index in range(200)]
    dataset = dataset_of([0, 1] * 100, None, test, kin)
    found = findings(dataset, Split(*(np.arange(*span) for span in ((0, 120), (120, 160), (160, 200)))))
    assert found["near_validation"] == {"count": 7}
    assert found[key] == {"count": 3}
    assert not {"apart", "double_validation", "double_test"} & set(found)
    for language in ("en", "zh"):
        sentence = strings.say("data_page.audit.near_validation", language, count=7)
        assert strings.say("knobs.twins.label", language) in sentence
        assert strings.say("knobs.twins.options.near", language) in sentence


def test_what_was_not_looked_for_is_not_said(dataset_of) -> None:
    assert "apart" in findings(dataset_of([0, 1] * 50))


def test_a_picture_on_both_sides_is_counted_whatever_made_the_split(dataset_of) -> None:
    dataset = dataset_of([0, 1] * 50, [7] * 100)
    everything = findings(dataset, Split(*(np.arange(*span) for span in ((0, 60), (60, 80), (80, 100)))))
    assert everything["double_validation"] == {"count": 20}
