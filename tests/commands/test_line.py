"""The command line as a person types it: real processes, real exit codes, one sentence for what is wrong."""

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.config import CONFIG_VERSION, RunConfig
from engine.store import runs, transitions
from engine.store.connect import Store
from engine.store.home import Home
from engine.store.runs import State
from tests.engine_room import LONG, EngineRoom
from tests.waiting import until

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineRoom]:
    room = EngineRoom(tmp_path_factory.mktemp("room"))
    yield room
    room.close()


@pytest.fixture(scope="module")
def finished(room: EngineRoom) -> int:
    number = room.start(epochs=7)
    assert room.ended(number).state is State.FINISHED
    return number


def athanor(room: EngineRoom, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "engine", *words, "--home", str(room.home.root)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)


def test_train_and_wait_ends_with_zero_and_says_how_it_went(room: EngineRoom) -> None:
    done = athanor(room, "train", "--epochs", "2", "--width", "0.25", "--weight-decay", "1e-4", "--wait", "--json")
    assert done.returncode == 0, done.stderr
    assert "epoch" not in done.stderr
    told = json.loads(done.stdout)
    assert told["state"] == "finished"
    assert room.run(told["id"]).knobs["weight_decay"] == 1e-4


@pytest.mark.slow
def test_who_waits_without_a_terminal_reads_a_line_after_the_epochs(room: EngineRoom) -> None:
    done = athanor(room, "train", "--epochs", "3", "--width", "0.25", "--wait")
    assert re.search(r"^epoch 3 of 3: val [\d.]+, [\d.]+\s%$", done.stderr, re.MULTILINE), done.stderr
    assert "finished" in done.stdout


@pytest.mark.slow
def test_a_run_is_paused_goes_on_and_is_followed_to_its_end(room: EngineRoom) -> None:
    number = room.start(**LONG)
    room.training(number)
    assert "will pause" in athanor(room, "pause", str(number)).stdout
    until(lambda: room.run(number).state is State.PAUSED)
    epoch = room.run(number).summary["epoch"]
    said = athanor(room, "resume", str(number)).stdout
    assert f"goes on from epoch {epoch}," in said
    until(lambda: room.run(number).state is State.RUNNING)
    assert athanor(room, "stop", str(number)).returncode == 0
    log = athanor(room, "log", str(number), "--follow").stdout
    assert "attempt 1" in log
    assert "attempt 2" in log
    assert "manifest" in athanor(room, "files", str(number)).stdout


@pytest.mark.slow
def test_a_run_that_fails_ends_with_one(room: EngineRoom) -> None:
    (room.home.root / "data" / "empty").mkdir(parents=True)
    done = athanor(room, "train", "--dataset", "empty", "--wait")
    assert done.returncode == 1
    assert "empty" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("train", "--dropout", "2"), ("dropout", "2", "0 .. 0.9")),
        (("train", "--architecture", "vgg16", "--resolution", "16"), ("resolution", "16", "32")),
        (("train", "--dataset", "nowhere/to/be/found"), ("nowhere/to/be/found",)),
        (("train", "--dataset", "../../etc"), ("../../etc",)),
        (("train", "--dataset", "not-utf8-\udcff"), ("not-utf8",)),
        (("train", "--architecture", "resnet18", "--batch_size", "1"), ("batch_size", "1", "2 .. 8192")),
        (("train", "--learning_rat", "1"), ("learning_rat",)),
        (("show", "99999"), ("99999",)),
        (("show", "../1"), ("../1",)),
        (("verdict", "99999"), ("99999",)),
        (("stop", "-1"), ("-1",)),
        (("frobnicate",), ("frobnicate",)),
    ],
)
def test_bad_input_ends_with_two_and_names_what_is_wrong(room: EngineRoom, words: tuple[str, ...], named: tuple[str, ...]) -> None:
    done = athanor(room, *words)
    assert done.returncode == 2, done
    assert all(part in done.stderr for part in named), done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_show_gives_everything_about_a_run(room: EngineRoom, finished: int) -> None:
    shown = json.loads(athanor(room, "show", str(finished), "--history", "--json").stdout)
    assert {"id", "name", "kind", "state", "reason", "config", "effective", "summary", "history", "test"} <= shown.keys()
    assert {"best_epoch", "val_accuracy", "val_loss", "images_per_second"} <= shown["summary"].keys()
    assert shown["history"]["val_loss"]["epoch"] == list(range(1, 8))
    assert min(shown["history"]["val_loss"]["value"]) == shown["summary"]["val_loss"]
    text = athanor(room, "show", str(finished)).stdout
    assert all(part in text for part in ("finished", "weight_decay", "val_accuracy"))


@pytest.mark.slow
def test_runs_lists_one_a_line(room: EngineRoom, finished: int) -> None:
    lines = athanor(room, "runs", "--json").stdout.splitlines()
    assert finished in [json.loads(line)["id"] for line in lines]
    assert len(athanor(room, "runs").stdout.splitlines()) == len(lines)


@pytest.mark.slow
def test_the_verdict_is_the_one_that_the_worker_stored(room: EngineRoom, finished: int) -> None:
    told = json.loads(athanor(room, "verdict", str(finished), "--json").stdout)
    assert told["name"] == room.run(finished).summary["verdict"]
    assert told["words"]["sentence"] in athanor(room, "verdict", str(finished)).stdout


@pytest.mark.slow
def test_stop_ends_a_run_that_would_go_on(room: EngineRoom) -> None:
    number = room.start(**LONG)
    room.training(number)
    assert athanor(room, "stop", str(number)).returncode == 0
    assert room.ended(number).state is State.STOPPED
    assert "had ended already" in athanor(room, "stop", str(number)).stdout


@pytest.mark.slow
def test_the_doctor_finds_this_machine_fit(room: EngineRoom) -> None:
    done = athanor(room, "doctor", "--json")
    told = json.loads(done.stdout)
    assert done.returncode == 0, told
    assert {"python", "store", "disk", "torch", "supervisor", "data"} <= {finding["name"] for finding in told["findings"]}


@pytest.mark.slow
def test_a_damaged_store_is_set_aside_and_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "athanor.db").write_bytes(b"this is no database" * 500)
    (tmp_path / "runs" / "000001").mkdir(parents=True)
    command = [sys.executable, "-m", "engine", "runs", "--home", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    assert "The store was damaged" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_terminal_that_knows_only_ascii_is_served(room: EngineRoom, finished: int) -> None:
    command = [sys.executable, "-m", "engine", "runs", "--home", str(room.home.root)]
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False, env=environment)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("answer", "gone"), [("y", True), ("n", False), ("", False)])
def test_on_a_terminal_deleting_is_asked_for(tmp_path: Path, answer: str, gone: bool) -> None:
    store = Store(Home(tmp_path))
    number = runs.create(store, runs.New("a run", RunConfig().model_dump(mode="json"), CONFIG_VERSION))
    assert transitions.stop_waiting(store, number)
    terminal, its = pty.openpty()
    os.write(terminal, f"{answer}\n".encode())
    command = [sys.executable, "-m", "engine", "delete", str(number), "--home", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, stdin=its, capture_output=True, text=True, timeout=100, check=False)
    os.close(terminal)
    os.close(its)
    assert done.returncode == 0, done.stderr
    assert "a run" in done.stderr
    assert [run.id for run in runs.listing(store)] == ([] if gone else [number])
    store.engine.dispose()
