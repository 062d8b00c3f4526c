"""Files of recorded curves as the system hands them over: pipes with and without a writer, lines without an end, a reader that leaves."""

import fcntl
import os
import subprocess
import sys
import termios
from array import array
from pathlib import Path
from threading import Thread

import pytest

from engine.commands import line
from engine.diagnosis import curves
from engine.diagnosis.curves import lines, replay
from tests.diagnosis.test_curves import Run, healthy, overfit, packed, strict, written
from tests.waiting import until

ROOT = Path(__file__).parents[2]
RUNS = [overfit(run=1), healthy(), overfit(run=3)]


def words(file: object) -> list[str]:
    return [sys.executable, "-m", "engine", "verdict", "--curves", str(file), "--json"]


def answers(out: bytes) -> list[Run]:
    return [strict(row) for row in out.decode().splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("content", [written(*RUNS), packed(*RUNS), written(*RUNS * 20)], ids=["plain", "packed", "more than a pipe holds"])
def test_every_run_that_comes_through_a_pipe_is_judged(home: Path, content: bytes) -> None:
    done = subprocess.run(words("/dev/stdin"), input=content, capture_output=True, cwd=ROOT, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    told = answers(done.stdout)
    assert told[:3] == [replay(run)[1] for run in RUNS]
    assert len(told) in (3, 60)


BESIDE_MANY_OPEN_FILES = """
import os, resource, runpy, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (1500, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
held = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
runpy.run_module("engine", run_name="__main__")
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", [["-m", "engine"], ["-c", BESIDE_MANY_OPEN_FILES]], ids=["plainly", "beside more files than select knows"])
def test_a_pipe_whose_writer_is_silent_is_waited_for(home: Path, tmp_path: Path, how: list[str]) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = os.open(pipe, os.O_RDWR)
    variables = os.environ | {"PYTHONUNBUFFERED": "1"}
    asked = [sys.executable, *how, *words(pipe)[3:]]
    with subprocess.Popen(asked, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, env=variables) as reader:
        assert reader.stdout is not None and reader.stderr is not None
        for run in RUNS:
            os.write(writer, written(run))
            assert answers(reader.stdout.readline()) == [replay(run)[1]]
        os.close(writer)
        assert (reader.wait(60), reader.stderr.read()) == (0, b"")


@pytest.mark.slow
def test_a_pipe_into_which_nobody_writes_is_not_waited_for(home: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    done = subprocess.run(words(pipe), capture_output=True, cwd=ROOT, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode() == f"athanor: Nothing came out of the pipe {pipe}, and nobody writes into it.\n"


def unread(pipe: int) -> int:
    """Bytes that wait in a pipe."""
    waiting = array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, waiting)
    return waiting[0]


def test_a_packed_file_may_begin_with_a_single_byte(tmp_path: Path) -> None:
    pipe, content = tmp_path / "pipe", packed(*RUNS)
    os.mkfifo(pipe)
    writer = os.open(pipe, os.O_RDWR)
    os.write(writer, content[:1])
    found: list[object] = []
    reader = Thread(target=lambda: found.extend(run for _, run in lines(pipe)), daemon=True)
    reader.start()
    until(lambda: not unread(writer))
    os.write(writer, content[1:])
    os.close(writer)
    reader.join(60)
    assert found == RUNS


@pytest.mark.slow
def test_a_line_without_an_end_is_given_up_and_not_kept_in_memory(home: Path) -> None:
    limited = ["sh", "-c", 'ulimit -v 3000000; exec "$@"', "sh", *words("/dev/zero")]
    done = subprocess.run(limited, capture_output=True, cwd=ROOT, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == b"athanor: Line 1 has no end, as far as it was read. What comes after it is not judged.\n"


TOO_LONG = {
    "text": lambda: b" " * (curves.MOST_TEXT + 1),
    "text of many parts": lambda: b" " * (curves.MOST_TEXT + 3 * curves.BLOCK),
    "numbers": lambda: b'{"val_loss": [' + b"1," * (curves.MOST_VALUES + 1) + b"1]}",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", TOO_LONG)
def test_a_line_that_is_too_long_is_answered_and_the_next_one_judged(capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str) -> None:
    file = tmp_path / "curves.jsonl"
    file.write_bytes(TOO_LONG[name]() + b"\n" + written(overfit()))
    assert line.main(["verdict", "--curves", str(file), "--json"]) == 0
    told = answers(capsys.readouterr().out.encode())
    assert [each["verdict"] for each in told] == ["too_early", "overfitting"]
    expected = "line 1 is too long for a run: at most 134,217,728 characters with 8,388,608 numbers are judged"
    assert told[0]["reason"] == expected


@pytest.mark.slow
def test_forty_million_characters_are_read(tmp_path: Path) -> None:
    file = tmp_path / "curves.jsonl.gz"
    file.write_bytes(packed(overfit(note="x" * 40_000_000)))
    assert [replay(run)[1] for _, run in lines(file) if isinstance(run, dict)] == [replay(overfit())[1]]


@pytest.mark.slow
def test_a_reader_of_the_answers_that_leaves_is_no_fault_of_the_curves(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "curves.jsonl"
    file.write_bytes(written(*({"run": k} for k in range(5_000))))
    with subprocess.Popen(words(file), stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as reader:
        assert reader.stdout is not None and reader.stderr is not None
        assert reader.stdout.readline().startswith(b'{"run": 0')
        reader.stdout.close()
        assert (reader.wait(60), reader.stderr.read()) == (0, b"")
