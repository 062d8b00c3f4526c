"""What the answers of an epoch come to: held against hand computations, scikit-learn and brute force."""

import subprocess
import sys
import warnings
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from sklearn.metrics import balanced_accuracy_score

from engine.diagnosis.answers import LEAST_IN_BIN, PURE, Answers, balanced_accuracy, calibration_error, compare, renamed_accuracy
from engine.store.home import PROJECT

PICTURES = some.lists(some.tuples(some.floats(0, 1), some.booleans()), min_size=1, max_size=200)


def share(right: int, of: int) -> np.ndarray:
    """So many answers of so many right."""
    return np.arange(of) < right


def answers(correct: list[bool], confidence: float = 0.8, loss: float = 0.5) -> Answers:
    n = len(correct)
    label = np.zeros(n, dtype=int)
    predicted = np.where(correct, 0, 1)
    return Answers(np.full(n, loss), np.array(correct, dtype=np.uint8), predicted, np.full(n, confidence), label)


def pairs(classes: int, least: int = 1) -> some.SearchStrategy[list[tuple[int, int]]]:
    """Pictures as (true class, predicted class)."""
    one = some.integers(0, classes - 1)
    return some.lists(some.tuples(one, one), min_size=least, max_size=40)


def test_the_calibration_error_is_what_the_hand_computes() -> None:
    confidence = np.repeat([0.6, 0.9], 20)
    correct = np.concatenate([share(12, 20), share(15, 20)])
    assert calibration_error(confidence, correct) == pytest.approx((20 * 0.0 + 20 * 0.15) / 40)


def test_too_sure_here_does_not_make_up_for_too_modest_there() -> None:
    confidence, correct = np.repeat([0.5, 0.9], 20), np.concatenate([share(20, 20), share(8, 20)])
    assert abs(confidence.mean() - correct.mean()) == pytest.approx(0.0)
    assert calibration_error(confidence, correct) == pytest.approx(0.5)


@pytest.mark.parametrize("sure", [0.2, 0.5, 0.8, 1.0])
def test_a_network_that_is_right_as_often_as_it_is_sure_has_no_error(sure: float) -> None:
    confidence, correct = np.full(20, sure), share(round(20 * sure), 20)
    assert calibration_error(confidence, correct) == pytest.approx(0.0)


def test_always_sure_and_half_right_is_half_wrong() -> None:
    assert calibration_error(np.ones(600), np.arange(600) % 2) == pytest.approx(0.5)


def test_the_order_of_the_pictures_does_not_matter() -> None:
    chance = np.random.default_rng(0)
    confidence, correct = chance.random(300), chance.random(300) < 0.5
    order = chance.permutation(300)
    assert calibration_error(confidence[order], correct[order]) == pytest.approx(calibration_error(confidence, correct))


def test_few_pictures_are_one_bin() -> None:
    confidence, correct = np.linspace(0, 1, LEAST_IN_BIN + 1), share(21, LEAST_IN_BIN + 1)
    assert calibration_error(confidence, correct) == pytest.approx(0.5)
    assert calibration_error(np.array([0.7]), np.array([1])) == pytest.approx(0.3)


def test_of_no_picture_and_of_a_confidence_that_is_no_number_nothing_is_known() -> None:
    assert np.isnan(calibration_error(np.array([]), np.array([])))
    assert np.isnan(calibration_error(np.array([0.5, np.nan]), np.array([1, 0])))
    assert np.isnan(calibration_error(np.array([0.5, np.inf]), np.array([1, 0])))


@given(PICTURES)
def test_the_calibration_error_is_a_share_and_no_less_than_the_overconfidence(pictures: list[tuple[float, bool]]) -> None:
    confidence, correct = (np.array(column, dtype=float) for column in zip(*pictures, strict=True))
    error = calibration_error(confidence, correct)
    assert abs(confidence.mean() - correct.mean()) - 1e-9 <= error <= 1 + 1e-9


@given(pairs(5))
def test_balanced_accuracy_is_that_of_scikit_learn(pictures: list[tuple[int, int]]) -> None:
    label, predicted = (np.array(column) for column in zip(*pictures, strict=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of classes that are predicted and never true
        expected = balanced_accuracy_score(label, predicted)
    assert balanced_accuracy(label, label == predicted, 5) == pytest.approx(expected)


def test_balanced_accuracy_counts_classes_and_not_pictures() -> None:
    label = np.repeat([0, 1], [90, 10])
    assert balanced_accuracy(label, label == 0, 2) == pytest.approx(0.5)
    assert np.isnan(balanced_accuracy(np.array([], dtype=int), np.array([]), 2))


def test_names_in_rotation_are_seen_through() -> None:
    label = np.arange(1000) % 10
    assert renamed_accuracy(label, (label + 3) % 10, 10) == pytest.approx(1.0)
    noisy = np.where(np.arange(1000) < 50, label, (label + 3) % 10)
    assert renamed_accuracy(label, noisy, 10) == pytest.approx(0.95)


def test_a_network_that_is_no_worse_than_chance_is_not_renamed() -> None:
    label = np.arange(100) % 10
    for right in (10, 11, 100):
        assert np.isnan(renamed_accuracy(label, np.where(np.arange(100) < right, label, (label + 1) % 10), 10))
    assert renamed_accuracy(label, np.where(np.arange(100) < 9, label, (label + 1) % 10), 10) == pytest.approx(0.91)
    assert np.isnan(renamed_accuracy(np.array([], dtype=int), np.array([], dtype=int), 10))


@pytest.mark.parametrize("classes", [3, 4])
@given(data=some.data())
def test_the_best_names_are_those_that_trying_all_would_find(classes: int, data: some.DataObject) -> None:
    label, predicted = (np.array(column) for column in zip(*data.draw(pairs(classes)), strict=True))
    best = max(np.mean(label == np.array(names)[predicted]) for names in permutations(range(classes)))
    found = renamed_accuracy(label, predicted, classes)
    if np.mean(label == predicted) >= 1 / classes or np.isnan(found):
        assert np.isnan(found) and (np.mean(label == predicted) >= 1 / classes or best < PURE)
    else:
        assert found == pytest.approx(best)


def test_one_answer_to_everything_is_not_matched() -> None:
    asked = (
        "import sys, numpy as np; from engine.diagnosis.answers import renamed_accuracy;"
        "label = np.arange(990) % 11 % 10; print(renamed_accuracy(label, np.full(990, 9), 10), 'scipy.optimize' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", asked], check=True, capture_output=True, text=True, cwd=PROJECT).stdout.split()
    assert said == ["nan", "False"]


def test_flips_are_counted_against_the_best_epoch() -> None:
    best = answers([True, True, True, False, False, False])
    now = answers([True, False, False, True, False, False], confidence=0.9, loss=0.7)
    found = compare(best, now, 2)
    assert (found["turned_wrong"], found["turned_right"]) == (2, 1)
    assert found["overconfidence"] == pytest.approx(0.9 - 2 / 6)
    assert found["calibration_error"] == pytest.approx(0.9 - 2 / 6)
    assert found["paired_z"] > 0
    assert compare(now, best, 2)["paired_z"] < 0


def test_against_itself_an_epoch_has_not_moved() -> None:
    found = compare(same := answers([True, False]), same, 2)
    assert (found["turned_wrong"], found["turned_right"], found["paired_z"]) == (0, 0, 0)


def test_without_pictures_there_are_no_flips_and_nothing_else_is_known() -> None:
    found = compare(answers([]), answers([]), 2)
    assert (found["turned_wrong"], found["turned_right"]) == (0, 0)
    assert all(np.isnan(found[name]) for name in ("calibration_error", "overconfidence", "renamed_accuracy"))
