"""A run's life between real processes: it finishes, is stopped, killed, diverges; its supervisor dies. One room for all."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from engine import faults
from engine.config import CONFIG_VERSION, RunConfig
from engine.jobs import launch
from engine.jobs.identity import alive
from engine.store import attempts, keeping, records, runs, transitions
from engine.store.connect import Store
from engine.store.runs import New, State
from tests.engine_room import LONG, SMALL, EngineRoom
from tests.faults.promises import broken, curves
from tests.waiting import until


@pytest.fixture(scope="module")
def hold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file: while it exists, runs wait at their second epoch."""
    return tmp_path_factory.mktemp("hold") / "hold"


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory, hold: Path) -> Iterator[EngineRoom]:
    room = EngineRoom(tmp_path_factory.mktemp("room"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(faults.VARIABLE, f"training.epoch=wait@2~{hold}")
        yield room
        room.close()


def test_a_run_finishes_with_curves_a_verdict_checkpoints_and_a_test_result(room: EngineRoom) -> None:
    number = room.start(epochs=3)
    run = room.ended(number)
    assert run.state is State.FINISHED, run.reason
    history = records.history(room.store, number)
    assert [row.epoch for row in history["val_loss"]] == [1, 2, 3]
    assert history["step_loss"]
    best = min(history["val_loss"], key=lambda row: row.value or 0.0)
    assert (run.summary["best_epoch"], run.summary["val_loss"]) == (best.epoch, best.value)
    event = records.last_event(room.store, number, "verdict")
    assert event is not None
    assert event.data["name"] == "too_early"
    test = runs.test_result(room.store, number)
    assert test is not None
    assert test.images == run.summary["test_images"]
    assert any(kept.best for kept in keeping.of(room.store, number))
    assert broken(room) == []


@pytest.mark.slow
def test_a_running_run_stops_when_asked_and_keeps_what_it_has(room: EngineRoom) -> None:
    number = room.start(**LONG)
    room.training(number)
    launch.stop(room.store, number)
    run = room.ended(number)
    assert (run.state, run.reason) == (State.STOPPED, {"key": "errors.stopped", "fields": {}})
    assert keeping.of(room.store, number)
    assert runs.test_result(room.store, number) is None


@pytest.mark.slow
def test_a_queued_run_is_stopped_before_it_begins(room: EngineRoom) -> None:
    first, second = room.start(**LONG), room.start()
    launch.stop(room.store, second)
    assert room.run(second).state is State.STOPPED
    launch.stop(room.store, first)
    assert room.ended(first).state is State.STOPPED
    assert room.run(second).attempt == 0


@pytest.mark.slow
def test_a_killed_worker_is_replaced_and_its_end_is_told(room: EngineRoom) -> None:
    number = room.start(**LONG)
    room.training(number)
    room.kill_worker(number)
    until(lambda: room.run(number).attempt == 2 and room.run(number).state is State.RUNNING)
    first = attempts.told(room.store, number)[0]
    assert first.state is State.FAILED
    assert first.reason == {"key": "errors.worker_killed", "fields": {"signal": 9, "name": "Killed"}}
    launch.stop(room.store, number)
    room.ended(number)
    assert broken(room) == []


@pytest.mark.slow
def test_a_run_outlives_its_supervisor_and_the_next_one_adopts_it(room: EngineRoom) -> None:
    number = room.start(**LONG)
    room.training(number)
    worker, supervisor = room.worker(number), room.supervisor()
    os.kill(supervisor.pid, signal.SIGKILL)
    until(lambda: not alive(supervisor))
    launch.ensure_supervisor(room.store)
    assert room.supervisor() != supervisor
    assert alive(worker)
    os.kill(worker.pid, signal.SIGKILL)
    until(lambda: room.run(number).attempt == 2 and room.run(number).state is State.RUNNING)
    assert attempts.told(room.store, number)[0].state is State.LOST
    launch.stop(room.store, number)
    room.ended(number)


@pytest.mark.slow
def test_a_run_goes_one_epoch_at_a_time_and_ends_as_if_it_had_not(room: EngineRoom) -> None:
    knobs = SMALL | {"epochs": 3, "precision": "exact"}
    whole = room.start(**knobs)
    room.ended(whole)
    number = launch.submit(room.store, RunConfig.from_flat(knobs), launch_key="step by step", pause_after=1)
    for epoch in (1, 2):
        until(lambda: room.run(number).state is State.PAUSED)
        run = room.run(number)
        assert (run.summary["epoch"], run.reason) == (epoch, {"key": "errors.stepped", "fields": {"epoch": epoch}})
        launch.step(room.store, number)
    assert room.ended(number).state is State.FINISHED
    assert curves(room, number) == curves(room, whole)


@pytest.mark.slow
def test_a_run_under_way_is_asked_to_pause_at_the_end_of_its_epoch(room: EngineRoom) -> None:
    number = room.start(**LONG)
    room.training(number)
    launch.step(room.store, number)
    until(lambda: room.run(number).state is State.PAUSED)
    run = room.run(number)
    assert run.reason == {"key": "errors.stepped", "fields": {"epoch": run.summary["epoch"]}}
    assert run.summary["step"] == run.summary["epoch"] * run.summary["steps_per_epoch"]
    launch.stop(room.store, number)


@pytest.mark.slow
def test_a_diverged_run_names_its_step_and_what_to_try(room: EngineRoom) -> None:
    run = room.ended(room.start(learning_rate=100.0, weight_decay=10.0, optimizer="sgd", epochs=20))
    assert run.state is State.DIVERGED
    assert run.reason is not None
    assert run.reason["key"] == "errors.diverged"
    assert run.reason["fields"]["step"] > 0


@pytest.mark.slow
def test_a_device_that_is_not_there_is_named(room: EngineRoom) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    run = room.ended(room.start(device="cuda"))
    assert run.state is State.FAILED
    assert run.reason is not None
    assert run.reason["key"] == "errors.no_cuda"


@pytest.mark.slow
def test_early_stopping_is_told(room: EngineRoom) -> None:
    run = room.ended(room.start(learning_rate=0.03, early_stopping=2, epochs=300))
    assert run.state is State.FINISHED
    assert run.reason is not None
    assert run.reason["key"] == "errors.early_stopping"
    assert run.summary["epoch"] == run.summary["best_epoch"] + 2 == run.reason["fields"]["epoch"]


@pytest.mark.slow
def test_unfit_data_fails_with_one_sentence(room: EngineRoom) -> None:
    (room.home.root / "data" / "lonely" / "only-class").mkdir(parents=True)
    run = room.ended(room.start(dataset="lonely"))
    assert run.state is State.FAILED
    assert run.reason is not None
    assert run.reason["key"].startswith("data.")


@pytest.mark.slow
def test_the_same_seed_gives_the_same_curve(room: EngineRoom) -> None:
    both = [room.start(precision="exact", dropout=0.3, augmentation="light", seed=5) for _ in range(2)]
    curves = [[row.value for row in (room.ended(number), records.history(room.store, number))[1]["val_loss"]] for number in both]
    assert curves[0] == curves[1]


@pytest.mark.slow
def test_a_plain_file_in_the_bells_place_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "supervisor.bell").touch()
    room = EngineRoom(tmp_path)
    try:
        assert room.ended(room.start()).state is State.FINISHED
    finally:
        room.close()


@pytest.mark.slow
def test_a_claim_that_no_worker_got_is_queued_again(tmp_path: Path) -> None:
    room = EngineRoom(tmp_path)
    runs.create(room.store, New("claimed by one who died", RunConfig.from_flat(SMALL).model_dump(mode="json"), CONFIG_VERSION))
    assert transitions.claim(room.store) is not None
    try:
        after = room.start()
        assert room.ended(after).state is State.FINISHED
        assert room.ended(1).state is State.FINISHED
        assert room.run(1).attempt == 2
    finally:
        room.close()


@pytest.mark.slow
def test_a_run_queued_while_the_supervisor_leaves_is_taken_by_the_next(tmp_path: Path) -> None:
    room = EngineRoom(tmp_path)
    try:
        room.ended(room.start())
        old = room.supervisor()
        with room.halted(old):
            os.kill(old.pid, signal.SIGTERM)
            number = room.start()
        assert room.ended(number).state is State.FINISHED
        until(lambda: not alive(old))  # in the midst of a turn it gives the run out itself; else the next one does
    finally:
        room.close()


@pytest.mark.slow
def test_a_store_locked_for_longer_than_anyone_waits_costs_no_row_and_no_run(room: EngineRoom, hold: Path) -> None:
    hold.touch()
    number = room.start(epochs=60)
    room.training(number)
    with Store(room.home).write():
        hold.unlink()
        subprocess.run(["sleep", "25"], check=True)  # the lock itself must last: longer than two waits of ten seconds
    assert room.ended(number).state is State.FINISHED
    assert len(records.history(room.store, number)["val_loss"]) == 60
    assert runs.test_result(room.store, number) is not None


@pytest.mark.slow
def test_a_run_begins_with_the_weights_of_another(room: EngineRoom) -> None:
    learned = room.ended(room.start(epochs=6, learning_rate=5e-3))
    run = room.ended(room.start(epochs=1, learning_rate=1e-7, weights=f"run:{learned.id}"))
    assert run.state is State.FINISHED, run.reason
    best = keeping.best(room.store, learned.id)
    told = records.last_event(room.store, run.id, "weights")
    assert told is not None
    assert (told.data["from"], told.data["checkpoint"], told.data["left"]) == (f"run:{learned.id}", best.name, {})
    assert run.summary["weights"]["epoch"] == best.epoch
    assert run.summary["val_accuracy"] == pytest.approx(learned.summary["val_accuracy"], abs=0.03)
