"""What a watcher of a run is told: everything once, in order, the end last, also of runs longer than one helping."""

import asyncio
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest
import sqlalchemy as sa
from starlette.websockets import WebSocket

from engine.config import RunConfig
from engine.server import feed
from engine.store import records, runs, transitions
from engine.store.connect import Store
from engine.store.home import Home
from engine.store.records import Batch, Event, Metric
from engine.store.runs import Claim, New, State

T = TypeVar("T")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(Home(tmp_path))


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Its result, from a loop in a thread of its own: a browser that was opened by tests before keeps one in this."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


def begun(store: Store) -> Claim:
    runs.create(store, New("a run", RunConfig().model_dump(mode="json"), 1))
    claim = transitions.claim(store)
    assert claim is not None
    transitions.begin(store, claim, {})
    return claim


def tell(store: Store, claim: Claim, first: int, last: int) -> None:
    rows = [Metric(seq, "val_loss", seq, seq, 1 / seq, time.time()) for seq in range(first, last + 1)]
    records.append(store, claim, Batch(rows, summary={"epochs": 20, "epoch": last, "steps_per_epoch": 1}))


class Watcher(feed.Follower):
    """A follower and where it looks."""

    def __init__(self, store: Store, run: int, since: int) -> None:
        super().__init__(since)
        self.place = store, run

    def news(self) -> list[dict[str, Any]]:
        return self.messages(feed.look(*self.place, self.seq))


def everything(follower: Watcher) -> list[dict[str, Any]]:
    told = []
    while not follower.ended:
        told += follower.news()
    return told


def seqs(messages: list[dict[str, Any]]) -> list[int]:
    return [row[0] for message in messages if message["kind"] == "rows" for row in message["rows"]]


def test_a_watcher_is_told_of_each_row_once_and_of_the_end_last(store: Store) -> None:
    claim = begun(store)
    follower = Watcher(store, claim.run, since=0)
    tell(store, claim, 1, 3)
    first = follower.news()
    assert [message["kind"] for message in first] == ["hello", "rows", "state"]
    assert follower.news() == []
    tell(store, claim, 4, 5)
    transitions.end(store, claim, State.FINISHED)
    rest = everything(follower)
    assert seqs(first) + seqs(rest) == [1, 2, 3, 4, 5]
    assert [message["kind"] for message in rest][-2:] == ["state", "end"]


def test_who_comes_back_with_a_cursor_gets_only_the_rest(store: Store) -> None:
    claim = begun(store)
    tell(store, claim, 1, 9)
    transitions.end(store, claim, State.FINISHED)
    assert seqs(everything(Watcher(store, claim.run, since=6))) == [7, 8, 9]


@pytest.mark.slow
def test_a_long_finished_run_arrives_whole(store: Store) -> None:
    claim = begun(store)
    count = 2 * records.PAGE + 5
    tell(store, claim, 1, count)
    records.append(store, claim, Batch([], [Event(count + 1, records.VERDICT, count, count, {}, 0.0)]))
    transitions.end(store, claim, State.FINISHED)
    told = everything(Watcher(store, claim.run, since=0))
    assert seqs(told) == list(range(1, count + 1))
    assert [event["seq"] for message in told if message["kind"] == "rows" for event in message["events"]] == [count + 1]
    assert told[-1] == {"kind": "end"}


def test_the_axis_of_an_ended_run_ends_where_the_run_did(store: Store) -> None:
    claim = begun(store)
    tell(store, claim, 1, 3)
    follower = Watcher(store, claim.run, since=0)
    assert follower.news()[0]["epochs"] == 20
    transitions.end(store, claim, State.STOPPED)
    assert next(message for message in follower.news() if message["kind"] == "hello")["epochs"] == 3


def kinds(messages: list[dict[str, Any]]) -> list[str]:
    return [message["kind"] for message in messages]


def test_a_paused_run_stays_watched_and_tells_of_its_next_attempt(store: Store) -> None:
    claim = begun(store)
    tell(store, claim, 1, 3)
    follower = Watcher(store, claim.run, since=0)
    follower.news()
    transitions.end(store, claim, State.PAUSED)
    assert [(message["kind"], message["state"]) for message in follower.news()] == [("state", State.PAUSED)]
    assert not follower.ended
    assert follower.period > 0.1, "nobody looks ten times a second for what may take hours"
    transitions.resume(store, claim.run)
    assert follower.news()[-1]["state"] is State.QUEUED
    again = transitions.claim(store)
    assert again is not None
    transitions.begin(store, again, {})
    records.append(store, again, Batch([], [Event(4, records.REWIND, 2, 2, {"attempt": 2}, 0.0)]))
    told = follower.news()
    assert kinds(told) == ["rows", "state"]
    assert told[0]["events"] == [{"seq": 4, "kind": "rewind", "step": 2, "epoch": 2, "data": {"attempt": 2}, "time": 0}]
    assert (told[1]["state"], told[1]["attempt"]) == (State.RUNNING, 2)


def test_a_run_that_goes_back_to_the_queue_after_a_crash_stays_watched(store: Store) -> None:
    claim = begun(store)
    tell(store, claim, 1, 3)
    follower = Watcher(store, claim.run, since=0)
    transitions.crashed(store, claim, State.LOST, {"key": "errors.worker_vanished", "fields": {}})
    assert follower.news()[-1]["state"] is State.QUEUED
    assert not follower.ended


def test_who_watches_a_retried_run_again_reads_on_from_the_cursor(store: Store) -> None:
    claim = begun(store)
    tell(store, claim, 1, 3)
    transitions.end(store, claim, State.STOPPED)
    first = Watcher(store, claim.run, since=0)
    assert everything(first)[-1] == {"kind": "end"}
    transitions.retry(store, claim.run)
    follower = Watcher(store, claim.run, since=first.seq)
    assert kinds(follower.news()) == ["hello", "state"]
    assert not follower.ended
    assert runs.get(store, claim.run).state is State.QUEUED


def test_many_viewers_of_a_run_cost_one_look_and_one_who_goes_takes_it_from_nobody(store: Store) -> None:
    claim = begun(store)
    tell(store, claim, 1, 3)
    statements: list[str] = []
    sa.event.listen(store.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    alone = feed.look(store, claim.run, 0)
    of_one = len(statements)

    async def together() -> list[feed.Look | BaseException]:
        viewers = [asyncio.create_task(feed.shared_look(store, claim.run, 0)) for _ in range(20)]
        await asyncio.sleep(0)
        viewers[0].cancel()
        return await asyncio.gather(*viewers, return_exceptions=True)

    gone, *seen = run(together())
    assert isinstance(gone, asyncio.CancelledError)
    assert seen == [alone] * 19
    assert len(statements) == 2 * of_one


class Sink:
    """A socket whose viewer listens and says nothing."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []

    async def send_json(self, message: dict[str, Any]) -> None:
        self.told.append(message)

    async def close(self, code: int) -> None:
        self.code = code


@pytest.mark.slow
def test_the_pages_of_a_long_run_follow_each_other_without_a_pause(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    claim = begun(store)
    count = 3 * records.PAGE
    tell(store, claim, 1, count)
    transitions.end(store, claim, State.FINISHED)
    monkeypatch.setattr(feed, "PERIOD", 1e6)
    sink = Sink()

    async def follow() -> None:
        gone = asyncio.create_task(asyncio.Event().wait())
        await asyncio.wait_for(feed._follow(cast(WebSocket, sink), store, claim.run, 0, gone), 60)

    run(follow())
    assert (seqs(sink.told), sink.code) == (list(range(1, count + 1)), feed.DONE)
