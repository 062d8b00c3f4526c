"""The store, in a file and in PostgreSQL: one claim each, fences, cursors, rewinds, and a refusal of what it does not know."""

import dataclasses
import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from engine.config import CONFIG_VERSION, RunConfig
from engine.errors import Fenced, NotFound, StoreBusy, StoreError
from engine.store import attempts, records, runs, settings, transitions
from engine.store import queue as line
from engine.store.connect import VARIABLE, Store
from engine.store.home import Home
from engine.store.keeping import Kept
from engine.store.keeping import of as checkpoints_of
from engine.store.records import Answer, Batch, Event
from engine.store.runs import Claim, State
from engine.store.tables import metadata
from tests.store.filled import claimed, metric, queue, taken


def test_many_claimers_take_every_run_exactly_once(store: Store) -> None:
    waiting = queue(store, 60)
    taken: list[int] = []

    def take() -> None:
        mine = Store(store.home)
        while (claim := transitions.claim(mine)) is not None:
            taken.append(claim.run)
        mine.engine.dispose()

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == waiting


def test_the_same_launch_key_is_the_same_run(store: Store) -> None:
    first, same, other = (runs.New("a", RunConfig().model_dump(mode="json"), CONFIG_VERSION, key) for key in ("key", "key", "other"))
    assert runs.create(store, first) == runs.create(store, same)
    assert runs.create(store, other) != runs.create(store, first)


def test_a_zombie_writes_nothing(store: Store) -> None:
    claim = claimed(store)
    records.append(store, claim, Batch([metric(1, 1)]))
    assert transitions.end(store, claim, State.FAILED)
    with pytest.raises(Fenced):
        records.append(store, claim, Batch([metric(2, 2)], summary={"epoch": 2}))
    assert records.read(store, claim.run).seq == 1
    assert runs.get(store, claim.run).summary == {}
    assert not transitions.end(store, claim, State.FINISHED)
    assert runs.get(store, claim.run).state is State.FAILED


def test_a_forged_token_changes_nothing(store: Store) -> None:
    claim = claimed(store)
    forged = Claim(claim.run, claim.attempt, "0" * 32)
    with pytest.raises(Fenced):
        records.append(store, forged, Batch([metric(1, 1)]))
    assert not transitions.end(store, forged, State.FINISHED)
    runs.set_test(store, forged, runs.TestResult(1, 0.1, 0.9, 10))
    assert runs.test_result(store, claim.run) is None


def test_rows_that_are_sent_again_stand_there_once(store: Store) -> None:
    """A connection may break when the rows are in and nobody has been told: they come again, with newer ones behind them."""
    claim = claimed(store)
    first, later = [metric(1, 1), metric(2, 2)], metric(4, 4)
    verdict = Event(3, "verdict", 2, 2, {}, 1.0)
    records.append(store, claim, Batch(first, [verdict]))
    records.append(store, claim, Batch([*first, later], [verdict]))
    news = records.read(store, claim.run)
    assert (news.metrics, news.events) == ([*first, later], [verdict])


def test_rows_of_an_earlier_attempt_are_never_replaced(store: Store) -> None:
    first = claimed(store)
    records.append(store, first, Batch([metric(1, 1, 0.25)]))
    transitions.crashed(store, first, State.FAILED, {})
    with pytest.raises((StoreError, sa.exc.IntegrityError)):
        records.append(store, taken(store), Batch([metric(1, 1, 0.75)]))
    assert [row.value for row in records.read(store, first.run).metrics] == [0.25]


def test_a_reader_sees_each_row_once_and_in_order(store: Store) -> None:
    claim = claimed(store)
    seen, cursor = [], 0
    for start in range(1, 40, 4):
        records.append(store, claim, Batch([metric(seq, seq) for seq in range(start, start + 4)]))
        news = records.read(store, claim.run, cursor)
        seen, cursor = seen + [row.seq for row in news.metrics], news.seq
    assert seen == list(range(1, 41))


def test_a_limited_read_never_skips_an_event(store: Store) -> None:
    claim = claimed(store)
    events = [Event(seq, "verdict", seq, seq, {}, time.time()) for seq in (2, 4, 6)]
    records.append(store, claim, Batch([metric(seq, seq) for seq in (1, 3, 5)], events))
    seen, cursor = [], 0
    for _ in range(6):
        news = records.read(store, claim.run, cursor, limit=1)
        seen, cursor = seen + [row.seq for row in (*news.metrics, *news.events)], news.seq
    assert sorted(seen) == [1, 2, 3, 4, 5, 6]


def test_history_drops_what_a_rewind_took_back(store: Store) -> None:
    claim = claimed(store)
    rewind = Event(4, records.REWIND, 1, 1, {}, time.time())
    records.append(store, claim, Batch([metric(1, 1), metric(2, 2), metric(3, 3), metric(5, 2, 0.25)], [rewind]))
    assert [(row.step, row.value) for row in records.history(store, claim.run)["val_loss"]] == [(1, 0.5), (2, 0.25)]


def test_a_number_that_is_not_finite_is_kept_as_a_gap(store: Store) -> None:
    claim = claimed(store)
    records.append(store, claim, Batch([metric(1, 1, records.finite(float("nan"))), metric(2, 2, records.finite(float("inf")))]))
    assert [row.value for row in records.read(store, claim.run).metrics] == [None, None]


def test_a_command_is_taken_once(store: Store) -> None:
    claim = claimed(store)
    records.command(store, claim.run, "stop")
    assert records.waiting(store, claim)
    assert records.append(store, claim, Batch()) == Answer(["stop"], [])
    assert records.append(store, claim, Batch()) == Answer([], [])
    assert records.asked(store, claim) == {"stop"}


def test_the_time_left_is_not_reckoned_by_the_pace_of_a_stage_that_ends(store: Store) -> None:
    run = runs.get(store, queue(store)[0])
    summary = {"epoch": 5, "epochs": 20, "seconds": 10.0}
    assert dataclasses.replace(run, summary=summary).seconds_left == 30.0
    stage = {"stages": 2, "begins": 4, "seconds": 1.0}
    for number, left in ((1, None), (2, 135.0)):
        assert dataclasses.replace(run, summary={**summary, "stage": {**stage, "number": number}}).seconds_left == left
    begun = {**stage, "number": 2, "begins": 5, "seconds": 10.0}
    assert dataclasses.replace(run, summary={**summary, "stage": begun}).seconds_left is None


def test_a_missing_run_is_named(store: Store) -> None:
    with pytest.raises(NotFound, match="no run 99"):
        runs.get(store, 99)


@pytest.mark.parametrize("name", ["q?mode=memory", "a#b", "50% off", "x%20y", "file:x?vfs=none", "\u70bc\u91d1 \u7089"])
def test_the_database_lies_in_its_folder_whatever_that_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    store = Store(Home(tmp_path / name), thorough=True)
    queue(store)
    store.backup(tmp_path / name / "copy?mode=ro.db")
    store.engine.dispose()
    assert [entry.name for entry in tmp_path.iterdir()] == [name]
    assert store.home.database.stat().st_size > 0
    again = Store(Home(tmp_path / name))
    assert len(runs.listing(again)) == 1
    again.engine.dispose()


def test_a_newer_store_is_refused(store: Store) -> None:
    with store.write() as connection:
        store._backend.set_version(connection, 999)
    with pytest.raises(StoreError, match="999"):
        Store(store.home)


def test_only_the_own_identity_is_withdrawn(store: Store) -> None:
    mine = attempts.Identity("boot", 1, "10")
    attempts.announce(store, "supervisor", "0.1.0", mine)
    attempts.withdraw(store, "supervisor", attempts.Identity("boot", 2, "10"))
    assert attempts.presence(store, "supervisor") is not None
    attempts.withdraw(store, "supervisor", mine)
    assert attempts.presence(store, "supervisor") is None


def test_every_table_takes_back_what_it_gave(store: Store) -> None:
    with store.read() as connection:
        found = {name: {column["name"] for column in sa.inspect(connection).get_columns(name)} for name in metadata.tables}
    assert found == {name: {column.name for column in table.columns} for name, table in metadata.tables.items()}


def test_a_run_passes_through_its_states(store: Store) -> None:
    claim = claimed(store)
    assert not transitions.pause_queued(store, claim.run)
    assert transitions.crashed(store, claim, State.FAILED, {"key": "errors.worker_vanished", "fields": {}}) is True
    again = taken(store)
    assert (again.run, again.attempt) == (claim.run, 2)
    assert transitions.end(store, again, State.PAUSED)
    transitions.resume(store, claim.run)
    assert [run.id for run in line.queued(store)] == [claim.run]
    assert [past.state for past in attempts.told(store, claim.run)] == [State.FAILED, State.PAUSED]


def test_the_queue_is_moved_about(store: Store) -> None:
    first, second, third = queue(store, 3)
    line.move(store, third, "first")
    line.set_priority(store, second, line.HIGH)
    assert [run.id for run in line.queued(store)] == [second, third, first]


def test_checkpoints_are_kept_with_the_batch(store: Store) -> None:
    claim = claimed(store)
    settings.set_to(store, settings.KEEP_EVERY, 0)
    dropped = [
        name
        for step in range(1, 5)
        for name in records.append(store, claim, Batch(checkpoints=[Kept(f"c{step}", step, step, step == 1, 2**40, "0" * 64)])).dropped
    ]
    assert dropped == ["c2"]
    assert [kept.name for kept in checkpoints_of(store, claim.run)] == ["c4", "c3", "c1"]


def test_a_parent_that_is_not_there_leaves_no_child(store: Store) -> None:
    with pytest.raises(NotFound):
        runs.create(store, runs.New("a", RunConfig().model_dump(mode="json"), CONFIG_VERSION, parent=99))
    assert runs.listing(store) == []


def test_a_snapshot_does_not_move(store: Store) -> None:
    queue(store)
    with store.snapshot() as connection:
        count = sa.select(sa.func.count()).select_from(metadata.tables["runs"])
        assert connection.execute(count).scalar_one() == 1
        queue(store)
        assert connection.execute(count).scalar_one() == 1
    with store.read() as connection:
        assert connection.execute(count).scalar_one() == 2


def test_a_writer_waits_for_the_other_and_then_sees_its_work(store: Store) -> None:
    """Two read, add one and write, fifty times each: no step is lost."""
    number = queue(store)[0]

    def climb() -> None:
        mine = Store(store.home)
        for _ in range(50):
            with mine.write() as connection:
                table = metadata.tables["runs"]
                now = connection.execute(sa.select(table.c.priority).where(table.c.id == number)).scalar_one()
                connection.execute(sa.update(table).where(table.c.id == number).values(priority=now + 1))
        mine.engine.dispose()

    threads = [threading.Thread(target=climb) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert runs.get(store, number).priority == 100


@pytest.mark.slow
def test_a_lock_that_is_not_to_be_had_is_told_after_ten_seconds(store: Store) -> None:
    other = Store(store.home)
    with other.write():
        before = time.monotonic()
        with pytest.raises(StoreBusy, match="cannot be written now"):
            queue(store)
        assert time.monotonic() - before > 9
    other.engine.dispose()


def test_an_old_run_has_every_knob_of_today(store: Store) -> None:
    config = RunConfig().model_dump(mode="json")
    del config["budget"]["time_limit"]
    number = runs.create(store, runs.New("old", config, 1))
    assert RunConfig.model_validate(runs.get(store, number).config).budget.time_limit == 0
    assert [run.knobs["time_limit"] for run in runs.listing(store)] == [0]
