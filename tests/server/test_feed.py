"""What a watcher of a run is told: everything once, in order, the end last, also of runs longer than one helping."""

import time
from pathlib import Path
from typing import Any

import pytest

from engine.config import RunConfig
from engine.server.feed import Follower
from engine.store import records, runs
from engine.store.connect import Store
from engine.store.home import Home
from engine.store.records import Batch, Event, Metric
from engine.store.runs import Claim, State


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(Home(tmp_path))


def begun(store: Store) -> Claim:
    runs.create(store, RunConfig().model_dump(mode="json"), 1, "a run")
    claim = runs.claim(store)
    assert claim is not None
    runs.begin(store, claim, {})
    return claim


def tell(store: Store, claim: Claim, first: int, last: int) -> None:
    rows = [Metric(seq, "val_loss", seq, seq, 1 / seq, time.time()) for seq in range(first, last + 1)]
    records.append(store, claim, Batch(rows, summary={"epochs": 20, "epoch": last, "steps_per_epoch": 1}))


def everything(follower: Follower) -> list[dict[str, Any]]:
    told = []
    while not follower.ended:
        told += follower.news()
    return told


def seqs(messages: list[dict[str, Any]]) -> list[int]:
    return [row[0] for message in messages if message["kind"] == "rows" for row in message["rows"]]


def test_a_watcher_is_told_of_each_row_once_and_of_the_end_last(store: Store) -> None:
    claim = begun(store)
    follower = Follower(store, claim.run, since=0)
    tell(store, claim, 1, 3)
    first = follower.news()
    assert [message["kind"] for message in first] == ["hello", "rows", "state"]
    assert follower.news() == []
    tell(store, claim, 4, 5)
    runs.end(store, claim, State.FINISHED)
    rest = everything(follower)
    assert seqs(first) + seqs(rest) == [1, 2, 3, 4, 5]
    assert [message["kind"] for message in rest][-2:] == ["state", "end"]


def test_who_comes_back_with_a_cursor_gets_only_the_rest(store: Store) -> None:
    claim = begun(store)
    tell(store, claim, 1, 9)
    runs.end(store, claim, State.FINISHED)
    assert seqs(everything(Follower(store, claim.run, since=6))) == [7, 8, 9]


def test_a_long_finished_run_arrives_whole(store: Store) -> None:
    claim = begun(store)
    count = 2 * records.PAGE + 5
    tell(store, claim, 1, count)
    records.append(store, claim, Batch([], [Event(count + 1, records.VERDICT, count, count, {}, 0.0)]))
    runs.end(store, claim, State.FINISHED)
    told = everything(Follower(store, claim.run, since=0))
    assert seqs(told) == list(range(1, count + 1))
    assert [event["seq"] for message in told if message["kind"] == "rows" for event in message["events"]] == [count + 1]
    assert told[-1] == {"kind": "end"}


def test_the_axis_of_an_ended_run_ends_where_the_run_did(store: Store) -> None:
    claim = begun(store)
    tell(store, claim, 1, 3)
    follower = Follower(store, claim.run, since=0)
    assert follower.news()[0]["epochs"] == 20
    runs.end(store, claim, State.STOPPED)
    assert next(message for message in follower.news() if message["kind"] == "hello")["epochs"] == 3
