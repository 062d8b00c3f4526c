"""Recorded curves from anywhere, as `python -m engine verdict --curves FILE --json` reads them: every line is answered."""

import gzip
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from engine.commands import line
from engine.diagnosis.curves import MOST_CLASSES, lines, replay
from tests.diagnosis import golden

KEYS = ["run", "verdict", "tier", "first_alarm", "first_watch", "best_epoch"]
Run = dict[str, Any]
Answer = tuple[int, list[Run], str]


def strict(text: str) -> Any:
    """JSON as everybody reads it: without NaN and Infinity."""

    def refuse(word: str) -> Any:
        raise ValueError(word)

    return json.loads(text, parse_constant=refuse)


def overfit(n: int = 60, **more: Any) -> Run:
    """A run of which overfitting is said."""
    history = golden.overfit(n)
    series = {"val_loss": history.val_loss, "train_loss": history.probe_loss, "val_accuracy": history.val_accuracy}
    return {"run": "a", "num_classes": 10, **{name: list(map(float, values)) for name, values in series.items()}} | more


def healthy() -> Run:
    history = golden.healthy()
    return {"run": "b", "num_classes": 10, "val_loss": list(history.val_loss), "train_loss": list(history.probe_loss)}


def cut(run: Run, n: int) -> Run:
    return {name: value[:n] if isinstance(value, list) else value for name, value in run.items()}


@pytest.fixture
def answer(capsys: pytest.CaptureFixture[str], tmp_path: Path, home: Path) -> Callable[[bytes], Answer]:
    """Exit code, answers, and what stands on standard error, of a file with this content."""

    def ask(content: bytes, file: Path = tmp_path / "curves.jsonl") -> Answer:
        file.write_bytes(content)
        code = line.main(["verdict", "--curves", str(file), "--json"])
        out, err = capsys.readouterr()
        return code, [strict(row) for row in out.splitlines()], err

    return ask


def packed(*runs: Run) -> bytes:
    return gzip.compress(written(*runs))


def written(*runs: Run) -> bytes:
    return "".join(json.dumps(run) + "\n" for run in runs).encode()


BAD: dict[str, Run] = {
    "nothing": {},
    "no series": {"run": "x"},
    "empty series": {"val_loss": [], "train_loss": []},
    "one epoch": {"val_loss": [1.0], "train_loss": [1.0], "val_accuracy": [0.5], "train_accuracy": [0.5]},
    "no training": {"val_loss": [1.0] * 40},
    "no validation": {"train_loss": [1.0] * 40},
    "constants": {"val_loss": [1.0] * 40, "train_loss": [1.0] * 40},
    "zeros": {"val_loss": [0] * 40, "train_loss": [0] * 40, "val_accuracy": [0] * 40, "train_accuracy": [0] * 40},
    "nulls": {"val_loss": [None] * 40, "train_loss": [None] * 40},
    "gaps": {"val_loss": [1.0, None] * 20, "train_loss": [None, 1.0] * 20},
    "not a number": {"val_loss": [math.nan] * 40, "train_loss": [1.0] * 40},
    "infinity": {"val_loss": [1.0] * 40, "train_loss": [math.inf] * 39 + [-math.inf]},
    "unequal lengths": {"val_loss": [1.0] * 40, "train_loss": [1.0] * 3, "val_accuracy": [0.5] * 90},
    "strings and objects": {"val_loss": ["1.0", {"a": 1}, [1], True, 1.0] * 8, "train_loss": [{}, "", [], False, 1.0] * 8},
    "series that are none": {"val_loss": "abc", "train_loss": {"0": 1.0}, "val_accuracy": 5, "train_accuracy": None},
    "huge integers": {"run": 10**400, "val_loss": [10**400] * 40, "train_loss": [-(10**400)] * 40, "num_classes": 10**400, "n_val": 10**30},
    "huge losses": {"val_loss": [1e308, -1e308] * 20, "train_loss": [-1e308, 1e308] * 20},
    "accuracies of percent": {"val_loss": [1.0] * 40, "train_loss": [1.0] * 40, "val_accuracy": [87.5] * 40, "train_accuracy": [-5] * 40},
    "counts that are none": {"val_loss": [1.0] * 40, "train_loss": [1.0] * 40, "num_classes": "ten", "n_val": -3, "n_train": 0.5},
    "a run that is no name": {"run": math.nan, "val_loss": [1.0] * 40, "train_loss": [1.0] * 40},
    "a run that is an object": {"run": {"name": math.inf}, "val_loss": [1.0] * 40, "train_loss": [1.0] * 40},
    "half a character": {"run": "\ud800", "val_loss": [1.0] * 40, "train_loss": [1.0] * 40},
}


NO_NUMBER = "there is no number in {}; train_loss and val_loss were expected, each a list with a number an epoch"
NEITHER = NO_NUMBER.format("train_loss, val_loss")
REASONS = {
    **dict.fromkeys(("nothing", "no series", "empty series", "nulls", "series that are none"), NEITHER),
    "no training": NO_NUMBER.format("train_loss"),
    "no validation": NO_NUMBER.format("val_loss"),
    "gaps": "no epoch has a number in both, train_loss and val_loss",
    "huge losses": "below zero, as no cross-entropy is: train_loss, val_loss. Such a loss is not judged",
}


@pytest.mark.parametrize("name", BAD)
def test_a_strange_run_is_answered_like_any_other(answer: Callable[[bytes], Answer], name: str) -> None:
    code, answers, err = answer(written(BAD[name], overfit()))
    assert (code, err) == (0, "")
    assert [list(each) for each in answers] == [[*KEYS, "reason"] if name in REASONS else KEYS, KEYS]
    assert answers[0].get("reason") == REASONS.get(name)
    assert answers[1]["verdict"] == "overfitting"


NOT_RUNS: dict[str, bytes] = {
    "not JSON": b"hello",
    "half a line": b'{"val_loss": [1.0, ',
    "a list": b"[1, 2]",
    "a number": b"5",
    "null": b"null",
    "bytes": b"\xff\xfe\x00\x01",
    "depths": b"[" * 200_000,
    "an endless number": b'{"run": ' + b"9" * 5_000 + b"}",
}


@pytest.mark.parametrize("content", NOT_RUNS.values(), ids=NOT_RUNS.keys())
def test_a_line_that_holds_no_run_is_answered_with_the_reason(answer: Callable[[bytes], Answer], content: bytes) -> None:
    code, answers, err = answer(written(healthy()) + content + b"\n" + written(overfit()))
    assert (code, err) == (0, "")
    assert [each["verdict"] for each in answers] == ["healthy", "too_early", "overfitting"]
    assert list(answers[1]) == [*KEYS, "reason"]
    assert answers[1]["reason"].startswith("line 2 holds no run")


NO_RUNS = {
    "nothing": b"",
    "empty lines": b"\n  \n\r\n",
    "nothing, packed": gzip.compress(b""),
    "no objects": b"hello\n[1]\n",
    "an object over many lines": json.dumps(overfit(), indent=1).encode(),
}


@pytest.mark.parametrize("content", NO_RUNS.values(), ids=NO_RUNS.keys())
def test_a_file_without_any_run_is_bad_input(answer: Callable[[bytes], Answer], content: bytes) -> None:
    code, answers, err = answer(content)
    assert (code, err.count("\n")) == (2, 1)
    assert err.startswith("athanor: No line of ") and "holds a run" in err
    assert all("reason" in each for each in answers)


def test_packed_curves_say_what_plain_ones_say(answer: Callable[[bytes], Answer]) -> None:
    runs = [overfit(), healthy(), *BAD.values()]
    assert answer(packed(*runs)) == answer(written(*runs))


def test_the_mark_that_windows_puts_before_a_text_is_no_part_of_it(answer: Callable[[bytes], Answer]) -> None:
    assert answer(b"\xef\xbb\xbf" + written(overfit())) == answer(written(overfit()))


def _broken(content: bytes, how: str) -> bytes:
    """A packed file that breaks off, has a wrong check sum, or whose blocks are none."""
    if how == "cut":
        return content[: len(content) // 2]
    return content[:-8] + bytes(8) if how == "check sum" else content[:12] + b"\xff" + content[13:]


@pytest.mark.parametrize("how", ["cut", "check sum", "blocks"])
def test_of_a_packed_file_that_breaks_off_what_is_whole_is_answered_and_the_rest_told(answer: Callable[[bytes], Answer], how: str) -> None:
    runs = [overfit(run=number, val_accuracy=np.random.default_rng(number).random(60).tolist()) for number in range(20)]
    code, answers, err = answer(_broken(packed(*runs), how))
    assert code == 2
    assert err.startswith("athanor: The curves in ") and err.count("\n") == 1
    assert answers == [replay(run)[1] for run in runs[: len(answers)]]
    assert {"cut": 0 < len(answers) < 20, "check sum": len(answers) == 20, "blocks": not answers}[how]


@pytest.mark.parametrize("place", ["nowhere.jsonl", "."])
def test_a_file_that_cannot_be_read_is_bad_input(capsys: pytest.CaptureFixture[str], tmp_path: Path, home: Path, place: str) -> None:
    assert line.main(["verdict", "--curves", str(tmp_path / place), "--json"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"athanor: The curves in {tmp_path}") and err.count("\n") == 1


def test_for_people_a_line_says_it_in_words(capsys: pytest.CaptureFixture[str], tmp_path: Path, home: Path) -> None:
    file = tmp_path / "curves.jsonl"
    file.write_bytes(written(overfit(run="sweep\x1b[2J/7"), {"run": "b"}) + b"hello\n")
    assert line.main(["verdict", "--curves", str(file)]) == 0
    out = capsys.readouterr().out.splitlines()
    assert "Overfitting (medium evidence), best at epoch" in out[0] and "\x1b" not in out[0]
    assert out[1] == f"b: no verdict: {NEITHER}"
    assert out[2] == "line 3 holds no run: an object with lists of numbers was expected"


def test_places_count_from_0_and_epochs_from_1() -> None:
    verdict, told = replay(overfit())
    assert told["best_epoch"] == verdict.best_epoch
    loss = overfit()["val_loss"]
    assert told["best_epoch"] - 1 == int(np.argmin(loss))
    assert told["best_epoch"] < told["first_watch"] <= told["first_alarm"]


def test_curves_cut_short_raise_the_same_alarms() -> None:
    run = overfit()
    whole = replay(run)[1]
    for n in range(1, 61):
        short = replay(cut(run, n))[1]
        for name in ("first_alarm", "first_watch"):
            assert short[name] == (whole[name] if whole[name] < n else None)


def test_an_alarm_is_what_the_verdict_was_at_that_place() -> None:
    run = overfit()
    place = replay(run)[1]["first_alarm"]
    assert [replay(cut(run, n))[0].name for n in (place, place + 1)] == ["healthy", "overfitting"]


def test_few_validation_pictures_raise_no_alarm() -> None:
    many, few = overfit(n_val=2000, n_train=2000), overfit(n_val=30, n_train=2000)
    assert [replay(many)[1][name] for name in ("verdict", "tier")] == ["overfitting", "medium"]
    verdict, told = replay(few)
    assert (told["verdict"], told["tier"], told["first_alarm"]) == ("watch", "weak", None)
    assert "low_evidence" in verdict.modifiers
    assert told["first_watch"] == replay(many)[1]["first_watch"]


def test_what_is_no_number_counts_as_not_recorded() -> None:
    losses = overfit()["val_loss"]
    told = [
        replay(overfit(val_loss=[other if k % 3 == 1 else loss for k, loss in enumerate(losses)]))[1] for other in (None, True, "1", [1])
    ]
    assert told == told[:1] * 4


def test_names_of_another_program_are_answered_with_those_expected() -> None:
    run = overfit()
    told = replay({"loss": run["train_loss"], "val_loss": run["val_loss"]})[1]
    assert told == dict.fromkeys(KEYS) | {"verdict": "too_early", "reason": NO_NUMBER.format("train_loss")}


def test_numbers_written_as_text_are_answered_with_what_was_expected() -> None:
    told = replay({name: [str(value) for value in values] for name, values in overfit().items() if isinstance(values, list)})[1]
    assert (told["verdict"], told["reason"]) == ("too_early", NEITHER)


def test_a_loss_that_breaks_is_said_even_where_no_epoch_can_be_judged() -> None:
    told = replay({"train_loss": [math.nan] * 10})[1]
    assert (told["verdict"], list(told)) == ("diverged", KEYS)


@pytest.mark.parametrize("name", ["train_loss", "val_loss"])
def test_a_loss_below_zero_is_not_judged(name: str) -> None:
    run = overfit()
    told = replay(run | {name: [value - 1 for value in run[name]]})[1]
    reason = f"below zero, as no cross-entropy is: {name}. Such a loss is not judged"
    assert told == dict.fromkeys(KEYS) | {"run": "a", "verdict": "too_early", "reason": reason}
    assert replay(run | {name: [value if k else -1e-7 for k, value in enumerate(run[name])]})[1]["verdict"] == "overfitting"


def gap(scale: float = 1.0, **more: Any) -> Run:
    """A run of which a generalisation gap is said, for its accuracies; these in shares, or in percent."""
    history = golden.gap_without_rise()
    losses = {"train_loss": history.probe_loss, "val_loss": history.val_loss}
    accuracies = {"train_accuracy": history.probe_accuracy, "val_accuracy": history.val_accuracy}
    scaled = {name: [scale * float(value) for value in values] for name, values in accuracies.items()}
    counts = {"num_classes": 10, "n_train": 2000, "n_val": 2000}
    return {"run": "g", **counts, **{name: list(map(float, values)) for name, values in losses.items()}, **scaled} | more


def test_accuracies_in_percent_are_taken_for_what_they_are() -> None:
    shares, percent = replay(gap())[0], replay(gap(100))[0]
    assert [shares.name, percent.name] == ["generalisation_gap"] * 2
    assert percent.evidence[0].value == pytest.approx(shares.evidence[0].value)


def test_a_share_that_was_rounded_up_is_no_percent() -> None:
    rounded = [1.0000001, *gap()["train_accuracy"][1:]]
    assert replay(gap(train_accuracy=rounded))[0] == replay(gap(train_accuracy=[1.0, *rounded[1:]]))[0]


@pytest.mark.parametrize("strange", [-0.1, 100.5, 1e300])
def test_accuracies_that_can_be_none_are_left_out(strange: float) -> None:
    without = gap(train_accuracy=None)
    assert replay(gap(train_accuracy=[strange, *gap()["train_accuracy"][1:]]))[0].as_dict() == replay(without)[0].as_dict()
    assert replay(without)[1]["verdict"] != "generalisation_gap"


@pytest.mark.parametrize("classes", [1, MOST_CLASSES + 1, 10**9])
def test_as_many_classes_as_there_cannot_be_count_as_unknown(classes: int) -> None:
    assert replay(overfit(num_classes=classes))[0].as_dict() == replay(overfit(num_classes=None))[0].as_dict()
    high = {"train_loss": [40.0] * 40, "val_loss": [40.0] * 40}
    assert replay(high | {"num_classes": classes})[1]["verdict"] == "plateau"
    assert replay(high | {"num_classes": MOST_CLASSES})[1]["verdict"] == "diverged", "twice as much as chance"


def test_test_numbers_are_not_looked_at() -> None:
    seen, other = replay(overfit()), replay(overfit(test_loss=[0.0] * 60, test_accuracy=[1.0] * 60, overfits=False))
    assert (seen[0].as_dict(), seen[1]) == (other[0].as_dict(), other[1])


VALUE = some.one_of(some.none(), some.booleans(), some.integers(), some.floats(), some.text(max_size=3), some.just([]))
SERIES = some.one_of(some.lists(VALUE, max_size=30), some.lists(some.floats(0, 5), max_size=60), VALUE)
NAMES = ("val_loss", "train_loss", "val_accuracy", "train_accuracy")
COUNTS = {"num_classes": some.integers(-1, 2000), "n_val": VALUE, "n_train": VALUE, "run": VALUE}


@given(some.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, SERIES) | COUNTS))
@settings(max_examples=150)
def test_any_object_gets_an_answer_that_everybody_can_read(run: Run) -> None:
    told = replay(run)[1]
    assert list(told) in (KEYS, [*KEYS, "reason"])
    assert "reason" not in told or told["verdict"] == "too_early"
    assert strict(json.dumps(told)) == told


def long(n: int) -> Run:
    """Falls and, from its middle on, rises again."""
    place = np.arange(n) / n
    loss = 0.5 + np.abs(place - 0.5) + np.random.default_rng(0).normal(0, 1e-3, n)
    return {"run": n, "val_loss": loss.tolist(), "train_loss": (2 - place).tolist(), "num_classes": 10}


def test_twenty_thousand_points_are_judged_like_few() -> None:
    told = replay(long(20_000))[1]
    assert told["verdict"] == "overfitting"
    assert 10_000 < told["first_alarm"] < 12_000


@pytest.mark.slow
def test_a_million_points_are_judged(answer: Callable[[bytes], Answer]) -> None:
    run = long(1_000_000)
    accuracies = {f"{part}_accuracy": (1 - np.array(run[f"{part}_loss"]) / 3).tolist() for part in ("train", "val")}
    code, answers, _ = answer(packed(run | accuracies, overfit()))
    assert (code, [each["verdict"] for each in answers]) == (0, ["overfitting"] * 2)
    assert 500_000 < answers[0]["first_alarm"] < 600_000


def test_lines_are_numbered_as_an_editor_does(tmp_path: Path) -> None:
    file = tmp_path / "curves.jsonl"
    file.write_bytes(b'\n{"run": 1}\r\n\n{"run": 2}')
    assert list(lines(file)) == [(2, {"run": 1}), (4, {"run": 2})]
