"""Log and files: read from the end, in blocks, fit for a terminal, whatever lies there."""

import io
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.store import settings, transitions
from engine.store.logs import BLOCK, lines, start_of_tail
from engine.store.runs import State
from tests.commands.conftest import Athanor, Runs


def logged(make: Runs, content: bytes, state: State = State.FINISHED) -> int:
    number = make.in_state(state)
    make.store.home.run(number).mkdir(parents=True, exist_ok=True)
    make.store.home.log(number).write_bytes(content)
    return number


def test_the_log_is_printed(athanor: Athanor, make: Runs) -> None:
    number = logged(make, b"one\ntwo\nthree")
    assert athanor("log", number).out == "one\ntwo\nthree"
    assert athanor("log", number, "--tail", 2).out == "two\nthree"
    assert athanor("log", number, "--tail", 0).out == ""
    assert athanor("log", number, "--json").rows == [{"line": "one"}, {"line": "two"}, {"line": "three"}]


def test_a_log_that_is_not_there_is_told(athanor: Athanor, make: Runs) -> None:
    number = make.queued()
    done = athanor("log", number)
    assert (done.code, done.out) == (2, "")
    assert f"Run {number} has no log" in done.err
    stopped = make.in_state(State.STOPPED)
    assert athanor("log", stopped, "--follow").code == 2


@pytest.mark.parametrize(
    "place", [lambda log: log.symlink_to("/etc/passwd"), os.mkfifo, lambda log: log.mkdir()], ids=["link", "pipe", "folder"]
)
def test_a_log_that_is_no_plain_file_is_not_read(athanor: Athanor, make: Runs, place: Callable[[Path], object]) -> None:
    number = make.in_state(State.FINISHED)
    make.store.home.run(number).mkdir(parents=True)
    place(make.store.home.log(number))
    for words in ((), ("--tail", 1), ("--follow",)):
        done = athanor("log", number, *words)
        assert (done.code, done.out) == (2, "")
        assert f"Run {number} has no log" in done.err


def test_what_a_terminal_would_obey_is_shown_instead(athanor: Athanor, make: Runs) -> None:
    number = logged(make, b"\x1b]0;owned\x07\x1b[2Jred\x9b31m \xff\xfe\ttab\r\n")
    out = athanor("log", number).out
    assert out == "\ufffd]0;owned\ufffd\ufffd[2Jred\ufffd31m \ufffd\ufffd\ttab\n"


@given(content=st.lists(st.binary(max_size=30), max_size=20).map(b"\n".join), count=st.integers(0, 12))
def test_a_tail_is_the_last_lines(content: bytes, count: int) -> None:
    file = io.BytesIO(content)
    assert content[start_of_tail(file, count) :] == b"".join(io.BytesIO(content).readlines()[-count:] if count else [])


@pytest.mark.parametrize("count", [1, 2, 1000])
def test_a_tail_of_lines_longer_than_a_block_is_found(count: int) -> None:
    content = b"\n".join([b"x" * (3 * BLOCK), b"y" * BLOCK, b"z" * (BLOCK - 1)]) + b"\n"
    file = io.BytesIO(content)
    assert content[start_of_tail(file, count) :] == b"".join(io.BytesIO(content).readlines()[-count:])


def test_a_log_of_gigabytes_is_never_read_whole(athanor: Athanor, make: Runs) -> None:
    number = logged(make, b"")
    with make.store.home.log(number).open("r+b") as file:
        file.seek(5 * 10**9)  # a hole: it takes no room
        file.write(b"\nthe end\n")
    assert athanor("log", number, "--tail", 1).out == "the end\n"


def test_a_line_that_is_being_written_waits_for_its_end() -> None:
    file = io.BytesIO(b"one\ntw")
    assert list(lines(file, last=False)) == ["one\n"]
    file.seek(0, io.SEEK_END)
    file.write(b"o\n")
    file.seek(4)
    assert list(lines(file, last=False)) == ["two\n"]


def test_following_ends_with_the_run_and_misses_nothing(athanor: Athanor, make: Runs) -> None:
    make.queued()
    claim = make.begun()
    log = make.store.home.log(claim.run)

    def tell() -> None:
        log.parent.mkdir(parents=True)
        with log.open("ab", buffering=0) as file:
            for number in range(50):
                file.write(f"line {number}\n".encode())
            file.write(b"the last words")
        transitions.end(make.store, claim, State.FINISHED)

    writer = threading.Thread(target=tell)
    writer.start()
    said = athanor("log", claim.run, "--follow", "--json")
    writer.join()
    assert [row["line"] for row in said.rows] == [*(f"line {number}" for number in range(50)), "the last words"]


def test_files_are_listed_with_what_they_are(athanor: Athanor, make: Runs) -> None:
    make.queued()
    claim = make.begun()
    for epoch in (1, 2, 3):
        make.checkpoint(claim, epoch, best=epoch < 3)
    home = make.store.home
    home.log(claim.run).write_bytes(b"12345")
    home.manifest(claim.run).write_bytes(b"{}")
    (home.checkpoints(claim.run) / "step-00000099.json").write_bytes(b"!")
    (home.run(claim.run) / "notes.txt").write_bytes(b"mine")
    (home.run(claim.run) / "away").symlink_to("/etc")
    told = athanor("files", claim.run, "--json").facts
    assert {entry["file"]: (entry["bytes"], entry["what"]) for entry in told["files"]} == {
        "checkpoints/step-00000020.json": (4, "best checkpoint: epoch 2, step 20"),
        "checkpoints/step-00000020.weights.safetensors": (6, "best checkpoint: epoch 2, step 20"),
        "checkpoints/step-00000030.json": (4, "checkpoint of epoch 3, step 30"),
        "checkpoints/step-00000030.weights.safetensors": (6, "checkpoint of epoch 3, step 30"),
        "checkpoints/step-00000010.json": (4, "being written or left over: no whole checkpoint"),
        "checkpoints/step-00000010.weights.safetensors": (6, "being written or left over: no whole checkpoint"),
        "checkpoints/step-00000099.json": (1, "being written or left over: no whole checkpoint"),
        "log.txt": (5, "log"),
        "manifest.json": (2, "manifest: what a lost store is restored from"),
        "notes.txt": (4, ""),
    }
    assert told["bytes"] == 42
    assert told["budget"]["checkpoints"] == 20
    text = athanor("files", claim.run).out.splitlines()
    assert len(text) == 11
    assert text[-1] == "10 files, 0.000 MB; the data folder takes 0.00 GB of its 20.00 GB"


def test_a_run_without_a_folder_has_no_files(athanor: Athanor, make: Runs) -> None:
    settings.set_to(make.store, settings.DISK_BUDGET, 2)
    told = athanor("files", make.queued(), "--json").facts
    assert (told["files"], told["bytes"], told["budget"]["budget"]) == ([], 0, 2 * 10**9)
