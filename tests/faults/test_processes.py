"""What processes do to each other and what machines do to them: stopped, deaf, mistaken for another, rebooted, out of time."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from engine import faults
from engine.jobs import launch, watching
from engine.jobs.identity import alive, identify
from engine.store import attempts, keeping, records, runs, transitions
from engine.store.attempts import Identity
from engine.store.home import PROJECT
from engine.store.runs import State
from engine.store.tables import attempts as attempts_table
from tests.engine_room import LONG, EngineRoom
from tests.faults.conftest import EXACT, FaultyRoom
from tests.faults.promises import Curves, broken, curves
from tests.waiting import until

pytestmark = pytest.mark.slow


@contextmanager
def own_room(folder: Path, **environment: str) -> Iterator[EngineRoom]:
    """A room whose processes live in an environment of their own."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        room = EngineRoom(folder / "home")
        try:
            yield room
        finally:
            room.close()


def test_a_stopped_worker_is_stalled_not_lost_and_goes_on(faulty: FaultyRoom) -> None:
    room = faulty.room
    number = room.start(**LONG)
    room.training(number)
    with room.halted(room.worker(number)):
        until(lambda: watching.stalled(room.store, number))
        assert room.run(number).state is State.RUNNING
    until(lambda: watching.stalled(room.store, number) is None)
    assert room.run(number).attempt == 1
    launch.stop(room.store, number)
    assert room.ended(number).state is State.STOPPED


def test_a_worker_that_hears_nothing_is_ended_when_it_does_not_stop(faulty: FaultyRoom) -> None:
    room = faulty.room
    number = room.start(**LONG)
    room.training(number)
    worker = room.worker(number)
    with room.halted(worker):
        launch.stop(room.store, number)
        assert room.ended(number).state is State.STOPPED
        until(lambda: not alive(worker))


def test_a_worker_asked_to_leave_by_the_system_saves_and_goes_on_later(faulty: FaultyRoom, uninterrupted: Curves) -> None:
    room = faulty.room
    faulty.hold("running").touch()
    number = room.start(**EXACT)
    until(lambda: room.run(number).summary.get("epoch") == 2)
    os.kill(room.worker(number).pid, signal.SIGTERM)
    faulty.hold("running").unlink()
    assert room.ended(number).state is State.FINISHED
    assert room.run(number).attempt == 2
    assert room.run(number).crashes == 0
    assert curves(room, number) == uninterrupted


def _claimed_by(room: EngineRoom, identity: Identity) -> int:
    """A run whose attempt is written down as that process's: the supervisor never sees it without one."""
    busy = room.start(**LONG)
    room.training(busy)
    with room.halted(room.supervisor()):
        number = room.start(**EXACT)
        claim = transitions.claim(room.store)
        assert claim is not None
        assert claim.run == number
        attempts.assign(room.store, claim, identity)
    launch.stop(room.store, busy)
    return number


def test_a_process_that_got_the_pid_of_a_dead_worker_is_left_alone(faulty: FaultyRoom) -> None:
    stranger = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    try:
        number = _claimed_by(faulty.room, replace(identify(stranger.pid), process_start="1"))
        assert faulty.room.ended(number).state is State.FINISHED
        assert attempts.told(faulty.room.store, number)[0].state is State.LOST
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_after_a_reboot_a_run_goes_on(faulty: FaultyRoom) -> None:
    number = _claimed_by(faulty.room, replace(identify(), boot="the boot before"))
    assert faulty.room.ended(number).state is State.FINISHED
    assert faulty.room.run(number).attempt == 2


def test_of_two_checkpoints_the_damaged_one_is_passed_over(faulty: FaultyRoom, uninterrupted: Curves) -> None:
    room = faulty.room
    for damage in (lambda content: content[: len(content) // 2], lambda content: content[:99] + b"?" + content[100:], lambda _: b""):
        faulty.hold("running").touch()
        number = room.start(**EXACT)
        until(lambda number=number: room.run(number).summary.get("epoch") == 2)
        launch.pause(room.store, number)
        faulty.hold("running").unlink()
        until(lambda number=number: room.run(number).state is State.PAUSED)
        newest, before = keeping.of(room.store, number)[:2]
        file = room.home.checkpoint_files(number, newest.name)[1]
        file.write_bytes(damage(file.read_bytes()))
        launch.resume(room.store, number)
        assert room.ended(number).state is State.FINISHED
        rewind = records.last_event(room.store, number, records.REWIND)
        assert rewind is not None
        assert (rewind.step, rewind.data["damaged"]) == (before.step, [file.name])
        assert curves(room, number) == uninterrupted
    assert broken(room) == []


MOMENTS = {"checkpoint.before_commit": 2, "checkpoint.before_row": 2, "recorder.before_write": 3, "training.step": 7}


@pytest.mark.parametrize("point", MOMENTS)
def test_killed_at_any_moment_of_saving_it_ends_as_if_nothing_had_happened(point: str, tmp_path: Path, uninterrupted: Curves) -> None:
    armed = tmp_path / "armed"
    armed.touch()
    with own_room(tmp_path, **{faults.VARIABLE: f"{point}=kill@{MOMENTS[point]}~{armed}"}) as room:
        number = room.start(**EXACT)
        assert room.ended(number).state is State.FINISHED
        assert room.run(number).attempt == 2
        assert curves(room, number) == uninterrupted
        assert broken(room) == []
        named = {kept.name for kept in keeping.of(room.store, number)}
        assert {file.name.split(".")[0] for file in room.home.checkpoints(number).iterdir()} == named


AVERAGED = {
    **EXACT, "architecture": "resnet18", "width": 0.125, "optimizer": "nadam", "learning_rate": 0.2, "schedule": "reduce_on_plateau",
    "plateau_patience": 0, "step_factor": 0.5, "clip": 1.0, "ema": 0.9, "stochastic_depth": 0.4, "norm_momentum": 0.3, "epochs": 8,
}  # fmt: skip
"""Its rate drops after the third epoch of four steps."""


def test_a_killed_run_that_averages_clips_and_waits_for_plateaus_ends_as_if_nothing_had_happened(tmp_path: Path) -> None:
    armed = tmp_path / "armed"
    with own_room(tmp_path, **{faults.VARIABLE: f"training.step=kill@15~{armed}"}) as room:
        whole = room.start(**AVERAGED)
        assert room.ended(whole).attempt == 1
        armed.touch()
        number = room.start(**AVERAGED)
        assert room.ended(number).state is State.FINISHED
        assert room.run(number).attempt == 2
        assert curves(room, number) == curves(room, whole)
        rates = [value for _, step, value in curves(room, whole)["learning_rate"] if step <= 16]
        assert rates[-1] < rates[0], "no plateau before the kill"
        assert runs.test_result(room.store, number) == runs.test_result(room.store, whole)
        assert broken(room) == []


def test_a_run_that_crashes_again_and_again_is_given_up_and_the_queue_goes_on(tmp_path: Path) -> None:
    with own_room(tmp_path, **{faults.VARIABLE: "attempt.before_begin=kill"}) as room:
        first, second = room.start(), room.start()
        ends = [room.ended(number) for number in (first, second)]
        assert [(run.state, run.attempt) for run in ends] == [(State.FAILED, 3)] * 2
        assert [run.reason["key"] for run in ends if run.reason] == ["errors.worker_killed"] * 2


def test_memory_that_runs_out_names_what_may_be_smaller(faulty: FaultyRoom) -> None:
    room = faulty.room
    # Its maps are larger than what the C library keeps when it is freed (32 MB), so every step asks the system for memory.
    number = room.start(**LONG | {"width": 1.0, "resolution": 96, "batch_size": 512, "train_share": 1.0})
    room.training(number)
    resource.prlimit(room.worker(number).pid, resource.RLIMIT_AS, (1 << 20, 1 << 20))
    run = room.ended(number)
    assert run.state is State.OUT_OF_MEMORY
    assert run.reason is not None
    assert run.reason["key"].startswith("errors.out_of_memory")
    assert run.reason["fields"]["smaller_batch"] == run.knobs["batch_size"] // 2


def test_a_run_ends_at_its_time_limit_and_one_that_hangs_is_ended(faulty: FaultyRoom) -> None:
    room = faulty.room
    number = room.start(**LONG | {"time_limit": 0.02})
    run = room.ended(number)
    assert run.state is State.STOPPED
    assert run.reason == {"key": "errors.time_limit", "fields": {"minutes": 0.02}}
    assert keeping.of(room.store, number)
    faulty.hold("running").touch()
    hanging = room.start(**LONG | {"time_limit": 1.0})
    until(lambda: room.run(hanging).summary.get("epoch") == 2, 120)
    with room.store.write() as connection:  # as if it had begun an hour ago
        began = attempts_table.c.began - 3600
        connection.execute(sa.update(attempts_table).where(attempts_table.c.run == hanging).values(began=began))
    assert room.ended(hanging).state is State.STOPPED
    faulty.hold("running").unlink()


CLOCK = """
import pathlib, time
real, offset = time.time, pathlib.Path({file!r})
time.time = lambda: real() + float(offset.read_text())
"""


def test_a_clock_that_jumps_changes_nothing_but_what_it_says(tmp_path: Path, uninterrupted: Curves) -> None:
    offset, hold = tmp_path / "offset", tmp_path / "hold"

    def jump(seconds: int) -> None:
        """At once, for every process reads it again and again."""
        fresh = tmp_path / "offset.part"
        fresh.write_text(str(seconds))
        fresh.replace(offset)

    jump(0)
    hold.touch()
    (tmp_path / "sitecustomize.py").write_text(CLOCK.format(file=str(offset)))
    environment = {"PYTHONPATH": str(tmp_path), faults.VARIABLE: f"training.epoch=wait@3~{hold}"}
    with own_room(tmp_path, **environment) as room:
        number = room.start(**EXACT)
        until(lambda: room.run(number).summary.get("epoch") == 2)
        jump(86400)
        room.kill_worker(number)
        until(lambda: room.run(number).attempt == 2, 120)
        jump(-3600)
        waiting = room.start(**EXACT)
        hold.unlink()
        assert [room.ended(run).state for run in (number, waiting)] == [State.FINISHED] * 2
        assert curves(room, number) == curves(room, waiting) == uninterrupted
        assert broken(room) == []


OLD = """
import sys
if "engine.jobs.supervisor" in sys.orig_argv:
    import engine
    engine.__version__ = {version!r}
"""


@pytest.mark.parametrize(("version", "replaced"), [("0.0.9", True), ("99.0.0", False)])
def test_an_older_supervisor_is_replaced_and_no_run_notices(version: str, replaced: bool, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(OLD.format(version=version))
    with own_room(tmp_path, PYTHONPATH=f"{tmp_path}{os.pathsep}{PROJECT}") as room:
        number = room.start(**LONG)
        room.training(number)
        other, worker = room.supervisor(), room.worker(number)
        (tmp_path / "sitecustomize.py").unlink()
        launch.ensure_supervisor(room.store)
        if replaced:
            until(lambda: not alive(other))
            assert room.supervisor() != other
        launch.stop(room.store, number)
        assert room.ended(number).attempt == 1
        assert alive(other) is not replaced
        assert not alive(worker) or until(lambda: not alive(worker))


def test_of_24_supervisors_started_at_once_one_stays(tmp_path: Path) -> None:
    with own_room(tmp_path) as room:
        command = [sys.executable, "-m", "engine.jobs.supervisor", "--home", str(room.home.root)]
        started = [subprocess.Popen(command, cwd=PROJECT, stderr=subprocess.DEVNULL, start_new_session=True) for _ in range(24)]
        until(lambda: sum(one.poll() is None for one in started) == 1, 100)
        (one,) = [one for one in started if one.poll() is None]
        assert room.supervisor() == identify(one.pid)
        assert room.ended(room.start()).state is State.FINISHED
        one.kill()
        assert sorted({other.wait() for other in started}) == [-signal.SIGKILL, 0]


def test_an_idle_supervisor_goes_and_the_next_start_brings_another(tmp_path: Path) -> None:
    with own_room(tmp_path) as room:
        command = [sys.executable, "-m", "engine.jobs.supervisor", "--home", str(room.home.root), "--idle", "0.5"]
        assert subprocess.run(command, cwd=PROJECT, stderr=subprocess.DEVNULL, timeout=60, check=False).returncode == 0
        assert launch.supervisor_version(room.store) is None
        assert room.ended(room.start()).state is State.FINISHED


def test_the_identity_of_a_process_is_more_than_its_pid() -> None:
    mine = identify()
    assert alive(mine)
    for field, value in asdict(mine).items():
        assert not alive(replace(mine, **{field: 2**22 if field == "pid" else f"{value}0"}))
