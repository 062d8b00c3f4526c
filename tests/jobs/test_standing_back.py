"""Who waits stands back, and comes forward when a run waits for it. Real processes; what the kernel says of them."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

import psutil
import pytest

from engine import faults
from engine.config import CONFIG_VERSION, RunConfig
from engine.jobs import crew
from engine.store import runs, transitions
from engine.store.connect import Store
from engine.store.home import PROJECT, Home
from engine.store.runs import New
from tests.waiting import until

pytestmark = pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="sessions have no nice value here")
FORTH_AND_BACK = """
import sys
from pathlib import Path
from tests.waiting import until
from engine.jobs.standing_back import Session
session = Session()
for value in (19, 0, 7, 0, 19, 3):
    session.set(value)
until(lambda: Path("/proc/self/autogroup").read_text().split()[-1] == "3")
session.set(0)
until(lambda: Path("/proc/self/autogroup").read_text().split()[-1] == "0")
"""
IN_THE_SESSION_OF_OTHERS = """
import threading
from pathlib import Path
from engine.jobs.standing_back import session
session.set(19)
print(threading.active_count(), Path("/proc/self/autogroup").read_text().split()[-1])
"""


@pytest.fixture
def claim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[bytes]:
    """The line that gives a worker a run; it takes it up and waits before it begins."""
    (tmp_path / "hold").touch()
    monkeypatch.setenv(faults.VARIABLE, f"attempt.before_begin=wait~{tmp_path / 'hold'}")
    store = Store(Home(tmp_path))
    runs.create(store, New("a run", RunConfig().model_dump(mode="json"), CONFIG_VERSION))
    taken = transitions.claim(store)
    assert taken is not None
    yield json.dumps(asdict(taken)).encode() + b"\n"
    store.engine.dispose()


def session_nice(pid: int) -> int:
    return int(Path(f"/proc/{pid}/autogroup").read_text().split()[-1])


def idle_threads(pid: int) -> list[bool]:
    """Of each thread whether it runs only when nobody else wants to."""
    found = []
    for thread in psutil.Process(pid).threads():
        with suppress(ProcessLookupError):  # it has just ended
            found.append(os.sched_getscheduler(thread.id) == os.SCHED_IDLE)
    return found


def may_rise() -> bool:
    with ThreadPoolExecutor(1) as aside:
        aside.submit(os.sched_setscheduler, 0, os.SCHED_IDLE, os.sched_param(0)).result()
        return aside.submit(os.sched_setscheduler, 0, os.SCHED_OTHER, os.sched_param(0)).exception() is None


@contextmanager
def process(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    started = crew.start(command)
    try:
        yield started
    finally:
        started.kill()
        started.communicate()


def command(module: str, home: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", module, "--home", str(home), *more]


def has_torch(pid: int) -> bool:
    return "libtorch" in Path(f"/proc/{pid}/maps").read_text()


def test_a_session_goes_back_and_forth_and_the_last_word_holds() -> None:
    subprocess.run([sys.executable, "-c", FORTH_AND_BACK], cwd=PROJECT, start_new_session=True, check=True, timeout=60)


def test_a_session_of_others_is_left_alone() -> None:
    leads = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]], check=True)"
    done = subprocess.run(
        [sys.executable, "-c", leads, IN_THE_SESSION_OF_OTHERS],
        cwd=PROJECT,
        check=True,
        capture_output=True,
        text=True,
        start_new_session=True,
    )
    threads, nice = done.stdout.split()
    assert (threads, nice) == ("1", "0")


def test_a_waiting_worker_stands_back_until_its_claim_comes(tmp_path: Path, claim: bytes) -> None:
    with process(command("engine.jobs.worker", tmp_path)) as worker:
        until(lambda: session_nice(worker.pid) == 19)
        until(lambda: any(idle_threads(worker.pid)))
        assert worker.stdin is not None
        worker.stdin.write(claim)
        worker.stdin.flush()
        until(lambda: session_nice(worker.pid) == 0)


@pytest.mark.slow
@pytest.mark.skipif(not may_rise(), reason="only the privileged may take back a thread's low priority")
def test_a_claim_brings_every_thread_forward(tmp_path: Path, claim: bytes) -> None:
    with process(command("engine.jobs.worker", tmp_path)) as worker:
        until(lambda: has_torch(worker.pid))
        assert worker.stdin is not None
        worker.stdin.write(claim)
        worker.stdin.flush()
        until(lambda: len(found := idle_threads(worker.pid)) > 1 and not any(found))


def test_a_worker_that_is_started_for_a_claim_stands_back_for_nobody(tmp_path: Path) -> None:
    worker = crew.Standing("engine.jobs.worker", str(tmp_path)).take()
    try:
        until(lambda: has_torch(worker.pid))
        assert session_nice(worker.pid) == 0
        assert not any(idle_threads(worker.pid))
    finally:
        worker.kill()
        worker.communicate()


def test_the_servant_stands_back_where_sessions_are_no_matter(tmp_path: Path) -> None:
    with process(command("engine.jobs.servant", tmp_path)) as servant:
        until(lambda: psutil.Process(servant.pid).nice() >= 10)
        assert session_nice(servant.pid) == 0
