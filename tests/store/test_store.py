"""The store: one claim each, fences, cursors, rewinds, and a refusal of what it does not know."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.config import RunConfig
from engine.errors import Fenced, NotFound, StoreError
from engine.store import attempts, records, runs
from engine.store.connect import Store
from engine.store.home import Home
from engine.store.records import Batch, Event, Metric
from engine.store.runs import Claim, State


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(Home(tmp_path))
    yield store
    store.engine.dispose()


def queue(store: Store, count: int = 1) -> list[int]:
    return [runs.create(store, RunConfig().model_dump(mode="json"), 1, "a run") for _ in range(count)]


def claimed(store: Store) -> Claim:
    queue(store)
    claim = runs.claim(store)
    assert claim is not None
    runs.begin(store, claim, {})
    return claim


def metric(seq: int, step: int, value: float | None = 0.5) -> Metric:
    return Metric(seq, "val_loss", step, step, value, time.time())


def test_many_claimers_take_every_run_exactly_once(store: Store) -> None:
    waiting = queue(store, 60)
    taken: list[int] = []

    def take() -> None:
        mine = Store(store.home)
        while (claim := runs.claim(mine)) is not None:
            taken.append(claim.run)
        mine.engine.dispose()

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == waiting


def test_the_same_launch_key_is_the_same_run(store: Store) -> None:
    config = RunConfig().model_dump(mode="json")
    assert runs.create(store, config, 1, "a", "key") == runs.create(store, config, 1, "a", "key")
    assert runs.create(store, config, 1, "a", "other") == 2


def test_a_zombie_writes_nothing(store: Store) -> None:
    claim = claimed(store)
    records.append(store, claim, Batch([metric(1, 1)]))
    assert runs.end(store, claim, State.FAILED)
    with pytest.raises(Fenced):
        records.append(store, claim, Batch([metric(2, 2)], summary={"epoch": 2}))
    assert records.read(store, claim.run).seq == 1
    assert runs.get(store, claim.run).summary == {}
    assert not runs.end(store, claim, State.FINISHED)
    assert runs.get(store, claim.run).state is State.FAILED


def test_a_forged_token_changes_nothing(store: Store) -> None:
    claim = claimed(store)
    forged = Claim(claim.run, claim.attempt, "0" * 32)
    with pytest.raises(Fenced):
        records.append(store, forged, Batch([metric(1, 1)]))
    assert not runs.end(store, forged, State.FINISHED)
    runs.set_test(store, forged, runs.TestResult(1, 0.1, 0.9, 10))
    assert runs.test_result(store, claim.run) is None


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
    assert records.append(store, claim, Batch()) == ["stop"]
    assert records.append(store, claim, Batch()) == []


def test_a_missing_run_is_named(store: Store) -> None:
    with pytest.raises(NotFound, match="no run 99"):
        runs.get(store, 99)


def test_a_newer_store_is_refused(store: Store) -> None:
    with store.write() as connection:
        connection.exec_driver_sql("PRAGMA user_version = 999")
    with pytest.raises(StoreError, match="999"):
        Store(store.home)


def test_only_the_own_identity_is_withdrawn(store: Store) -> None:
    mine = attempts.Identity("boot", 1, "10")
    attempts.announce(store, "supervisor", "0.1.0", mine)
    attempts.withdraw(store, "supervisor", attempts.Identity("boot", 2, "10"))
    assert attempts.presence(store, "supervisor") is not None
    attempts.withdraw(store, "supervisor", mine)
    assert attempts.presence(store, "supervisor") is None
