"""Every state of a run x every fault: afterwards the run is at its end, bit for bit as if nothing had happened."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

from engine.jobs import launch
from engine.jobs.identity import alive
from engine.store import attempts
from engine.store.connect import Store
from engine.store.home import PROJECT
from engine.store.runs import State
from tests.engine_room import LONG, EngineRoom
from tests.faults.conftest import EXACT, FaultyRoom
from tests.faults.promises import Curves, broken, curves
from tests.free_port import answers, free_port
from tests.waiting import until

pytestmark = pytest.mark.slow

HELD = ("starting", "running", "saving", "ending")
STATES = ("queued", *HELD, "paused", "finished")
# A lock for longer than anyone waits for one (10 s), so that everybody meets it.
LOCKED = 11.0


def kill_worker(faulty: FaultyRoom, number: int) -> None:
    attempt = attempts.current(faulty.room.store, number)
    if attempt is not None and attempt.identity is not None:
        os.kill(attempt.identity.pid, signal.SIGKILL)


def kill_supervisor(faulty: FaultyRoom, number: int) -> None:
    supervisor = faulty.room.supervisor()
    os.kill(supervisor.pid, signal.SIGKILL)
    until(lambda: not alive(supervisor))
    launch.ensure_supervisor(faulty.room.store)


def kill_server(faulty: FaultyRoom, number: int) -> None:
    """A server with a page's socket open on the run, killed; the next one is as good."""
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    environment = os.environ | {"ATHANOR_HOME": str(faulty.room.home.root)}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = subprocess.Popen(command, cwd=PROJECT, env=environment, start_new_session=True, **quiet)
    until(lambda: answers(f"http://127.0.0.1:{port}"))
    os.killpg(server.pid, signal.SIGKILL)
    server.wait()


def fill_disk(faulty: FaultyRoom, number: int) -> None:
    """The next file of a checkpoint finds no room."""
    faulty.full.touch()


def lock_store(faulty: FaultyRoom, number: int) -> None:
    def hold() -> None:
        with Store(faulty.room.home).write():
            locked.set()
            over.wait(LOCKED)

    locked, over = threading.Event(), threading.Event()
    holder = threading.Thread(target=hold)
    holder.start()
    locked.wait()
    for state in HELD:
        faulty.hold(state).unlink(missing_ok=True)
    holder.join()


FAULTS: dict[str, Callable[[FaultyRoom, int], None]] = {
    "kill worker": kill_worker,
    "kill supervisor": kill_supervisor,
    "kill server": kill_server,
    "disk full": fill_disk,
    "store locked": lock_store,
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("state", STATES)
def test_every_fault_in_every_state(state: str, fault: str, faulty: FaultyRoom, uninterrupted: Curves) -> None:
    room = faulty.room
    before = bring_to(faulty, state)
    number = before[-1]
    FAULTS[fault](faulty, number)
    for name in HELD:
        faulty.hold(name).unlink(missing_ok=True)
    carry_on(room, number, others=before[:-1])
    assert curves(room, number) == uninterrupted
    faulty.full.unlink(missing_ok=True)
    assert broken(room) == []


def bring_to(faulty: FaultyRoom, state: str) -> list[int]:
    """Runs of which the last is in the state."""
    room = faulty.room
    if state == "queued":
        first = room.start(**LONG)
        return [first, room.start(**EXACT)]
    if state in ("paused", "running"):
        faulty.hold("running").touch()
    elif state in HELD:
        faulty.hold(state).touch()
    number = room.start(**EXACT)
    if state in HELD:
        until(lambda: held(room, number, state))
    elif state == "paused":
        until(lambda: room.run(number).summary.get("epoch") == 2)
        launch.pause(room.store, number)
        faulty.hold("running").unlink()
        until(lambda: room.run(number).state is State.PAUSED)
    else:
        room.ended(number)
    return [number]


def held(room: EngineRoom, number: int, state: str) -> bool:
    """Whether the run has come to the point at which it is held."""
    run, under_way = room.run(number), attempts.current(room.store, number)
    if state == "starting":
        return under_way is not None and under_way.identity is not None and room.home.log(number).exists()
    if state == "saving":
        return any(room.home.checkpoints(number).glob(".*.part"))
    if state == "ending":
        return run.summary.get("epoch") == run.knobs["epochs"]
    return run.summary.get("epoch") == 2


def carry_on(room: EngineRoom, number: int, others: list[int]) -> None:
    """What a person does who finds the run paused or failed, until it has finished."""
    for other in others:
        launch.stop(room.store, other)
    until(lambda: room.run(number).state.ended or room.run(number).state is State.PAUSED, 120)
    if room.run(number).state is State.PAUSED:
        launch.resume(room.store, number)
        until(lambda: room.run(number).state.ended, 120)
    if room.run(number).state is State.FAILED:
        reason = room.run(number).reason
        assert reason is not None
        assert reason["key"] == "errors.disk_full", reason
        launch.retry(room.store, number)
    until(lambda: room.run(number).state is State.FINISHED, 120)
