"""What an overlay is told of many runs: thinned, with gaps and the best epoch, the ended ones from memory, nothing to strangers."""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from engine.config import RunConfig
from engine.server import curves
from engine.server.curves import Asked, Shelf, read_question, thinned
from engine.store import labels, records, runs, transitions
from engine.store.blobs import Columns
from engine.store.connect import Store
from engine.store.home import Home
from engine.store.records import Batch, Event, Metric
from engine.store.runs import Claim, New, State

HERE = "127.0.0.1:8501"


@pytest.fixture
def store(home: Path) -> Store:
    curves.shelf = Shelf()
    return Store(Home(home))


def ask(query: str, host: str = HERE, origin: str | None = None) -> Response:
    headers = [(b"host", host.encode())] + ([] if origin is None else [(b"origin", origin.encode())])
    return curves.curves(Request({"type": "http", "method": "GET", "path": "/curves", "query_string": query.encode(), "headers": headers}))


def begun(store: Store, name: str = "a run") -> Claim:
    runs.create(store, New(name, RunConfig().model_dump(mode="json"), 1))
    claim = transitions.claim(store)
    assert claim is not None
    transitions.begin(store, claim, {})
    return claim


def tell(store: Store, claim: Claim, epochs: int) -> None:
    rows = [Metric(epoch, "val_loss", 10 * epoch, epoch, abs(epoch - epochs // 3) + 1.0, time.time()) for epoch in range(1, epochs + 1)]
    records.append(store, claim, Batch(rows, summary={"epochs": epochs, "epoch": epochs, "steps_per_epoch": 10, "train_images": 640}))


def ended(store: Store, epochs: int = 30, state: State = State.FINISHED) -> int:
    claim = begun(store)
    tell(store, claim, epochs)
    transitions.end(store, claim, state)
    return claim.run


def points(values: list[float]) -> Columns:
    count = np.arange(1, len(values) + 1)
    return Columns(count, 10 * count, count.astype(np.int32), count.astype(np.int32), np.array(values), count / 10)


def told(store: Store, *numbers: int, most: int = 200, even: bool = False, training: bool = True) -> dict[str, Any]:
    return json.loads(curves.answer(store, Asked(list(numbers), most, even, training)))


def test_extremes_gaps_ends_and_the_best_epoch_outlive_thinning() -> None:
    wave = np.sin(np.arange(10_000) / 7) + 2
    wave[1234], wave[5678], wave[4000:4500] = 9.0, -9.0, np.nan
    kept = thinned(points(wave.tolist()), 200, best=777)
    assert len(kept.seq) <= 200
    assert {1, 10_000, 1235, 5679, 777} <= set(kept.seq.tolist())
    assert None in kept.values
    assert (np.diff(kept.seq) > 0).all()


@pytest.mark.parametrize("count", [200, 201, 399, 1000, 99_999])
def test_never_more_points_than_asked_for(count: int) -> None:
    kept = thinned(points([float("nan") if at % 5 == 0 else float(at % 17) for at in range(count)]), 200, best=3)
    assert min(count, 100) < len(kept.seq) <= 200


def test_a_short_run_comes_whole_with_what_the_axes_need(store: Store) -> None:
    run = ended(store)
    (only,) = told(store, run)["runs"]
    assert only["series"]["val_loss"]["epoch"] == list(range(1, 31))
    assert only["series"]["val_loss"]["step"][-1] == 300
    assert (only["name"], only["state"], only["ended"]) == (f"{run}: a run", "finished", True)
    assert (only["steps_per_epoch"], only["train_images"]) == (10, 640)


def test_training_curves_are_sent_where_they_are_drawn(store: Store) -> None:
    claim = begun(store)
    names = ("val_loss", "probe_loss", "val_accuracy", "probe_accuracy")
    records.append(store, claim, Batch([Metric(seq, name, 10, 1, 0.5, time.time()) for seq, name in enumerate(names, 1)]))
    transitions.end(store, claim, State.FINISHED)
    sent = {training: set(told(store, claim.run, training=training)["runs"][0]["series"]) for training in (True, False)}
    assert sent == {True: set(names), False: {"val_loss", "val_accuracy"}}


def test_where_attempts_begin_is_told(store: Store) -> None:
    claim = begun(store)
    events = [Event(1, "model", 0, 0, {}, 5.0), Event(2, "verdict", 10, 1, {}, 6.0), Event(3, "rewind", 20, 2, {"attempt": 2}, 7.5)]
    records.append(store, claim, Batch([], events))
    (only,) = told(store, claim.run)["runs"]
    assert [(event["kind"], event["step"], event["time"]) for event in only["events"]] == [("model", 0, 5000), ("rewind", 20, 7500)]


def test_runs_come_in_the_order_asked_and_missing_ones_are_left_out(store: Store) -> None:
    first, second = ended(store), ended(store)
    assert [run["run"] for run in told(store, second, 99, first)["runs"]] == [second, first]


def test_runs_of_different_length_share_their_epochs_when_a_mean_is_wanted(store: Store) -> None:
    long, short = ended(store, 90), ended(store, 50)
    answer = told(store, long, short, most=30, even=True)
    assert answer["every"] == 3
    epochs = [run["series"]["val_loss"]["epoch"] for run in answer["runs"]]
    assert epochs == [list(range(3, 91, 3)), list(range(3, 51, 3))]


def test_an_ended_run_is_read_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    over, going = ended(store), begun(store)
    tell(store, going, 5)
    read: list[int] = []
    monkeypatch.setattr(curves.records, "curves", lambda store, run, whole=records.curves: read.append(run) or whole(store, run))
    first, again = told(store, over, going.run), told(store, over, going.run)
    assert first == again
    assert read == [over, going.run, going.run]


def test_a_run_that_was_tried_again_is_read_anew(store: Store) -> None:
    run = ended(store, 5, State.STOPPED)
    told(store, run)
    transitions.retry(store, run)
    claim = transitions.claim(store)
    assert claim is not None
    transitions.begin(store, claim, {})
    records.append(store, claim, Batch([Metric(6, "val_loss", 60, 6, 0.5, time.time())]))
    transitions.end(store, claim, State.FINISHED)
    assert told(store, run)["runs"][0]["series"]["val_loss"]["epoch"][-1] == 6


def test_a_run_that_got_another_name_is_told_by_it(store: Store) -> None:
    run = ended(store)
    told(store, run)
    labels.rename(store, run, "the good one")
    assert told(store, run)["runs"][0]["name"] == f"{run}: the good one"


def test_the_shelf_forgets_what_was_wanted_longest_ago() -> None:
    shelf = Shelf(room=10)
    for key in "abc":
        shelf.put(key, b"1234")
        shelf.take("a")
    assert [shelf.take(key) for key in "abc"] == [b"1234", None, b"1234"]
    assert shelf.filled == 8


@pytest.mark.parametrize(
    "query", ["", "runs=", "runs=1,x", "runs=1,-2", "runs=1&most=5", "runs=1&most=1e9", "runs=1&even=x", "runs=1&training="]
)
def test_a_question_that_makes_no_sense_has_no_answer(query: str) -> None:
    assert read_question(QueryParams(query)) is None


def test_a_hundred_runs_are_the_most() -> None:
    assert read_question({"runs": ",".join(map(str, range(1, 101)))}) is not None
    assert read_question({"runs": ",".join(map(str, range(1, 102)))}) is None


def test_the_route_answers_a_page_of_ours_and_no_stranger(store: Store) -> None:
    run = ended(store)
    answer = ask(f"runs={run}&most=20", origin=f"http://{HERE}")
    assert answer.status_code == 200
    assert len(json.loads(answer.body)["runs"][0]["series"]["val_loss"]["value"]) <= 20
    assert ask("runs=x").status_code == 400
    assert ask(f"runs={run}", origin="http://evil.example").status_code == 400
    assert ask(f"runs={run}", host="evil.example").status_code == 400
