"""Probe, layers, range and predict, as typed; the servant's part is played by the store: its answers are written where it writes them."""

import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.commands.questions import predicted
from engine.jobs.terms import SERVANT
from engine.store import attempts, requests
from engine.store.connect import Store
from engine.store.home import PROJECT
from engine.store.requests import Question
from engine.store.runs import State
from tests.commands.conftest import Athanor, Runs, Said
from tests.engine_room import EngineRoom
from tests.waiting import until


def answered(store: Store, athanor: Athanor, answer: Mapping[str, Any] | None, *words: object) -> tuple[Question, Said]:
    """The question as the servant sees it, and what its answer (None: a refusal) makes of the command."""
    seen: list[Question] = []

    def serve() -> None:
        question = until(lambda: requests.take(store), 30)
        assert question is not None
        seen.append(question)
        if answer is None:
            requests.fail(store, question.key, {"key": "errors.no_such_run", "fields": {"run": 7}})
        else:
            requests.finish(store, question.key, answer)

    servant = threading.Thread(target=serve)
    servant.start()
    said = athanor(*words, "--patience", 30)
    servant.join(30)
    return seen[0], said


def test_a_probe_asks_for_the_config_and_prints_the_answer(store: Store, athanor: Athanor) -> None:
    answer = {
        "parameters": 61706, "flops": 833040, "data": "synthetic", "fastest": 1, "numerics": {"device": "cpu"},
        "memory": {"peak": 2_500_000_000, "free": 8_000_000_000, "largest_batch": 512},
        "speed": {"expected": 1000.0, "epoch_seconds": 4.5, "seconds": 90.0},
        "candidates": [{"precision": p, "channels_last": p == "bf16", "images_per_second": 1000.0} for p in ("fp32", "bf16")],
    }  # fmt: skip
    question, said = answered(store, athanor, answer, "probe", "--architecture", "resnet18", "--batch-size", 64, "--json")
    assert (said.code, said.facts) == (0, answer)
    assert (question.kind, question.payload["config"]["architecture"], question.payload["config"]["batch_size"]) == (
        "probe",
        "resnet18",
        64,
    )
    again = athanor("probe", "--architecture", "resnet18", "--batch-size", 64)
    assert all(part in again.out for part in ("61,706", "2,500 MB", "512", "1:30", "bf16, channels last: 1,000", "synthetic"))


def test_what_the_servant_refuses_is_a_sentence(store: Store, athanor: Athanor) -> None:
    _, said = answered(store, athanor, None, "probe")
    assert (said.code, said.out) == (1, "")
    assert "There is no run 7" in said.err


def test_a_servant_that_does_not_answer_is_told(athanor: Athanor) -> None:
    said = athanor("probe", "--patience", 0)
    assert (said.code, said.out) == (1, "")
    assert "has not answered within 0 s" in said.err
    assert "supervisor.log" in said.err


def test_a_prediction_names_run_and_pictures(store: Store, athanor: Athanor, make: Runs, tmp_path: Path) -> None:
    number = make.in_state(State.FINISHED, epochs=1)
    picture = tmp_path / "bird.png"
    picture.write_bytes(b"not looked at here")
    question, said = answered(store, athanor, {"images": []}, "predict", number, picture, "--json")
    assert said.code == 0
    assert question.payload == {"run": number, "images": [str(picture)]}


@pytest.mark.parametrize("words", [("predict", 99, __file__), ("predict", 1), ("probe", "--dropout", 2), ("probe", "--patience", "-1")])
def test_a_bad_question_is_not_asked(store: Store, athanor: Athanor, words: tuple[object, ...]) -> None:
    assert athanor(*words).code == 2
    assert requests.take(store) is None


def test_a_picture_that_is_not_there_is_named(athanor: Athanor, make: Runs) -> None:
    said = athanor("predict", make.in_state(State.FINISHED), "nowhere.png")
    assert (said.code, said.out) == (2, "")
    assert "nowhere.png" in said.err


def test_a_prediction_in_words_has_the_likeliest_classes_or_what_is_wrong() -> None:
    images = [
        {"path": "a.png", "best": [["robin", 0.875], ["wren", 0.125]]},
        {"path": "b.png", "reason": {"key": "errors.no_such_run", "fields": {"run": 7}}},
    ]
    lines = list(predicted(images))
    assert lines[:3] == ["a.png", "    87.5\u00a0%  robin", "    12.5\u00a0%  wren"]
    assert lines[3] == "b.png"
    assert "no run 7" in lines[4]


@pytest.mark.slow
def test_the_real_servant_is_asked_and_answers_in_numbers(tmp_path: Path) -> None:
    room = EngineRoom(tmp_path / "home")
    try:
        command = [sys.executable, "-m", "engine", "probe", "--width", "0.25", "--resolution", "16", "--home", str(room.home.root)]
        said = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=100, check=True)
        assert "—" not in said.stdout
        assert "images per second" in said.stdout
        until(lambda: attempts.presence(room.store, SERVANT))
    finally:
        room.close()


def test_a_range_test_prints_some_rates_and_what_it_suggests(store: Store, athanor: Athanor) -> None:
    answer = {"rates": [10.0 ** (k / 10 - 6) for k in range(30)], "losses": [2.3] * 30, "smoothed": [2.3] * 30, "lowest": 1e-3}
    question, said = answered(store, athanor, answer | {"suggested": 0.0046}, "range", "--width", 0.5)
    assert (question.kind, question.payload["config"]["width"]) == ("range", 0.5)
    assert [line.split()[0] for line in said.out.splitlines()[:4]] == ["rate", "1.0e-06", "1.0e-05", "1.0e-04"]
    assert "At 0.0046 the loss falls fast" in said.out
    _, said = answered(store, athanor, answer | {"suggested": None}, "range", "--width", 0.25)
    assert "nothing is suggested" in said.out


def test_layers_are_a_table_with_its_totals(store: Store, athanor: Athanor) -> None:
    layer = {
        "number": 1, "name": "conv1", "kind": "conv", "kernel": 3, "stride": 2, "shape": [64, 16, 16], "parameters": 1856, "flops": 884_736,
    }  # fmt: skip
    head = layer | {"number": None, "name": "", "kind": "mean", "kernel": 1, "stride": 1, "shape": [64], "parameters": 0, "flops": 0}
    answer = {"architecture": "resnet18", "parameters": 1856, "flops": 884_736, "layers": [layer | {"field": 3}, head | {"field": 32}]}
    question, said = answered(store, athanor, answer, "layers", "--architecture", "resnet18", "--json")
    assert (question.kind, question.payload["config"]["architecture"], said.facts) == ("layers", "resnet18", answer)
    lines = athanor("layers", "--architecture", "resnet18").out.splitlines()
    assert lines[0].split() == ["#", "Layer", "Name", "Output", "Parameters", "FLOPs", "Field"]
    assert " ".join(lines[1].split()) == "1 Conv 3 × 3, stride 2 conv1 64 × 16 × 16 1,856 885 k 3"
    assert " ".join(lines[2].split()) == "Mean of the map the network itself 64 32"
    assert lines[3] == "ResNet-18: 1 numbered layers, 1,856 parameters, 885\u00a0kFLOP a picture"
