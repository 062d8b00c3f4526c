"""The worker's pen: nothing is lost to a busy store, nothing is written for an ended attempt, nothing breaks in silence."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.config import CONFIG_VERSION, RunConfig
from engine.errors import Fenced, StoreBusy
from engine.jobs.recorder import Recorder
from engine.store import keeping, records, runs, sqlite, transitions
from engine.store.connect import Store
from engine.store.home import Home
from engine.store.keeping import Kept
from engine.store.runs import Claim, New, State
from tests.waiting import until


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock is felt at once. For tests in which nobody writes beside the pen."""
    monkeypatch.setattr(sqlite, "BUSY_MS", 50)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(Home(tmp_path))
    yield store
    store.engine.dispose()


@pytest.fixture
def claim(store: Store) -> Claim:
    runs.create(store, New("a run", RunConfig().model_dump(mode="json"), CONFIG_VERSION))
    claim = transitions.claim(store)
    assert claim is not None
    transitions.begin(store, claim, {})
    return claim


@pytest.mark.usefixtures("_impatient")
def test_rows_wait_for_a_locked_store_and_none_is_lost_at_the_end(store: Store, claim: Claim) -> None:
    recorder = Recorder(store, claim)
    closing = threading.Thread(target=recorder.close)
    with Store(store.home).write():  # another process holds the writers' lock
        recorder.start()
        for step in range(1, 101):
            recorder.metric("val_loss", step, step, 1 / step)
        recorder.summary(epoch=100)
        closing.start()
        until(lambda: recorder._closing_at is not None)
        assert records.read(store, claim.run).seq == 0
    closing.join(120)
    assert not closing.is_alive()
    assert [row.seq for row in records.read(store, claim.run).metrics] == list(range(1, 101))
    assert runs.get(store, claim.run).summary == {"epoch": 100}


def test_an_ended_attempt_fences_the_pen(store: Store, claim: Claim) -> None:
    recorder = Recorder(store, claim)
    recorder.start()
    transitions.end(store, claim, State.LOST)
    recorder.metric("val_loss", 1, 1, 0.5)
    until(lambda: recorder.fenced)
    recorder.close()
    assert records.read(store, claim.run).metrics == []


def test_what_breaks_the_pen_is_raised_where_training_looks(store: Store, claim: Claim) -> None:
    recorder = Recorder(store, claim)
    recorder.start()
    recorder.event("verdict", 1, 1, {"value": float("nan")})

    def raised() -> bool:
        try:
            recorder.asked("stop")
        except Exception:
            return True
        return False

    until(raised)
    with pytest.raises(Exception, match="not JSON compliant"):
        recorder.close()


@pytest.mark.usefixtures("_impatient")
def test_rows_that_a_store_never_took_are_told_at_the_end(store: Store, claim: Claim, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.jobs.recorder.LAST_PATIENCE", 0.2)
    recorder = Recorder(store, claim)
    with Store(store.home).write():
        recorder.start()
        recorder.metric("val_loss", 1, 1, 0.5)
        with pytest.raises(StoreBusy, match="last rows"):
            recorder.close()


def test_a_pen_that_never_wrote_closes(store: Store, claim: Claim) -> None:
    Recorder(store, claim).close()


def test_commands_reach_the_run_while_it_is_silent(store: Store, claim: Claim) -> None:
    recorder = Recorder(store, claim)
    recorder.start()
    records.command(store, claim.run, "stop")
    until(lambda: recorder.asked("stop"))
    recorder.close()


def test_heartbeats_come_while_there_is_nothing_to_tell(store: Store, claim: Claim) -> None:
    recorder = Recorder(store, claim)
    begun = time.monotonic()
    recorder.start()

    def beat() -> bool:
        with store.read() as connection:
            seen = connection.exec_driver_sql("SELECT heartbeat FROM attempts").scalar_one()
        return seen is not None and seen > begun + 1.0

    until(beat)
    recorder.close()


def test_begin_after_the_end_is_refused_and_leaves_the_slot_free(store: Store, claim: Claim) -> None:
    transitions.end(store, claim, State.LOST)
    with pytest.raises(Fenced):
        transitions.begin(store, claim, {})
    with store.read() as connection:
        assert connection.exec_driver_sql("SELECT state FROM attempts").scalar_one() == "lost"


def test_a_checkpoint_that_need_not_stay_loses_its_files_after_its_row(store: Store, claim: Claim) -> None:
    recorder = Recorder(store, claim)
    folder = store.home.checkpoints(claim.run)
    folder.mkdir(parents=True)
    for step in range(1, 5):
        for ending in ("json", "weights.safetensors"):
            (folder / f"{step}.{ending}").touch()
        recorder.checkpoint(Kept(str(step), step, step, step == 2, 10, "hash"), best=step == 2)
    recorder.start()
    recorder.close()
    assert [kept.name for kept in keeping.of(store, claim.run)] == ["4", "3", "2"]
    assert sorted({file.name.split(".")[0] for file in folder.iterdir()}) == ["2", "3", "4"]
