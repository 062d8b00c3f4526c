"""`/curves?runs=1,2&most=200&training=0`: what an overlay draws of many runs in one answer, so that a hundred of them need no socket each.

Ended runs do not change and stay in memory as they were sent. Knows the chart's protocol, nothing of the page.
"""

import json
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from engine.server.feed import event_as_told, head_of, milliseconds
from engine.server.guard import allowed
from engine.store import records, runs
from engine.store.blobs import Columns
from engine.store.connect import Store, open_store
from engine.store.home import Home
from engine.store.runs import Run

VALIDATION = ("val_loss", "val_accuracy")
TRAINING = ("probe_loss", "probe_accuracy")
# Where an attempt began and when: the axis of seconds leaves out what lies between attempts.
BEGINNINGS = (records.MODEL, records.REWIND)
MOST_RUNS = 100
# Points of one series: fewer are no curve, more are the socket's business.
FEWEST, MOST, USUAL = 20, 20_000, 200
# Bytes of answers that are kept: a thousand runs of 200 points.
ROOM = 40_000_000


@dataclass(frozen=True)
class Asked:
    """A request that makes sense. `even`: the same epochs of every run, so that their mean can be taken. `training`: its curves too."""

    numbers: list[int]
    most: int
    even: bool
    training: bool = True


class Shelf:
    """Answers that will not change, the least wanted of them gone first."""

    def __init__(self, room: int = ROOM) -> None:
        self.room = room
        self.filled = 0
        self._answers: OrderedDict[Hashable, bytes] = OrderedDict()
        self._lock = Lock()

    def take(self, key: Hashable) -> bytes | None:
        with self._lock:
            found = self._answers.get(key)
            if found is not None:
                self._answers.move_to_end(key)
            return found

    def put(self, key: Hashable, answer: bytes) -> None:
        with self._lock:
            self.filled += len(answer) - len(self._answers.pop(key, b""))
            self._answers[key] = answer
            while self.filled > self.room:
                self.filled -= len(self._answers.popitem(last=False)[1])


shelf = Shelf()


def curves(request: Request) -> Response:
    """Per run its head, its state and its thinned series; a run that is not there is left out."""
    if not allowed(request):
        return PlainTextResponse("unknown host", status_code=400)
    asked = read_question(request.query_params)
    if asked is None:
        return PlainTextResponse(f"expected runs=1,2 (at most {MOST_RUNS}) and most={FEWEST} to {MOST}", status_code=400)
    return Response(answer(open_store(Home.find()), asked), media_type="application/json")


def read_question(given: Any) -> Asked | None:
    """What the address asks for; None when that makes no sense."""
    numbers = [runs.number_of(text) for text in given.get("runs", "").split(",")]
    most, even, training = runs.number_of(given.get("most", str(USUAL))), given.get("even", "0"), given.get("training", "1")
    if len(numbers) > MOST_RUNS or most is None or not FEWEST <= most <= MOST or not {even, training} <= {"0", "1"}:
        return None
    known = [number for number in numbers if number is not None]
    return Asked(list(dict.fromkeys(known)), most, even == "1", training == "1") if len(known) == len(numbers) else None


def answer(store: Store, asked: Asked) -> bytes:
    """JSON `{"every": epochs between points, "runs": [...]}`, in the order asked."""
    found = {run.id: run for run in runs.among(store, asked.numbers)}
    longest = max((run.summary.get("epoch") or 0 for run in found.values()), default=0)
    every = max(1, -(-longest // asked.most)) if asked.even else 1
    parts = [_part(store, found[number], asked, every) for number in asked.numbers if number in found]
    return b'{"every": %d, "runs": [%s]}' % (every, b", ".join(parts))


def _part(store: Store, run: Run, asked: Asked, every: int) -> bytes:
    key = (store.home.root, run.id, run.name, run.attempt, run.state, run.ended_at, asked.most, asked.training, every)
    kept = shelf.take(key)
    if kept is None:
        kept = json.dumps(_told(store, run, asked, every), separators=(",", ":")).encode()
        if run.state.ended:
            shelf.put(key, kept)
    return kept


def _told(store: Store, run: Run, asked: Asked, every: int) -> dict[str, Any]:
    whole = records.curves(store, run.id)
    wanted = VALIDATION + TRAINING if asked.training else VALIDATION
    series = {name: whole[name] for name in wanted if name in whole}
    best = best_epoch(series.get("val_loss"))
    even = {name: points.where(points.epoch % every == 0) if every > 1 else points for name, points in series.items()}
    drawn = {name: thinned(points, asked.most, best) for name, points in even.items()}
    return {
        **head_of(run), "state": run.state, "ended": run.state.ended, "under_way": run.state in runs.UNDER_WAY,
        "events": [event_as_told(event) for event in records.told(store, run.id, BEGINNINGS)],
        "series": {name: _columns(points) for name, points in drawn.items()},
    }  # fmt: skip


def _columns(points: Columns) -> dict[str, list[Any]]:
    time = [milliseconds(each) for each in points.time.tolist()]
    return {"seq": points.seq.tolist(), "step": points.step.tolist(), "epoch": points.epoch.tolist(), "value": points.values, "time": time}


def best_epoch(losses: Columns | None) -> int | None:
    """Where validation loss was lowest."""
    if losses is None or np.isnan(losses.value).all():
        return None
    return int(losses.epoch[np.nanargmin(losses.value)])


def thinned(points: Columns, most: int, best: int | None = None) -> Columns:
    """At most `most` points: the lowest, the highest and one gap of each bucket, both ends, and the epoch `best`."""
    count = len(points.seq)
    if count <= most:
        return points
    size = -(-3 * count // (most - 6))
    values = np.pad(points.value, (0, -count % size), constant_values=np.nan).reshape(-1, size)
    kept = [np.array([0, count - 1]), _extremes(values, count)]
    if best is not None:
        kept.append(np.flatnonzero(points.epoch == best)[:1])
    return points.where(np.unique(np.concatenate(kept)))


def _extremes(buckets: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Places of the lowest, the highest and the first gap of each bucket that has one. What was padded is no gap."""
    number = ~np.isnan(buckets)
    gap = ~number
    gap.flat[count:] = False
    starts = np.arange(0, buckets.size, buckets.shape[1])
    lowest = starts + np.where(number, buckets, np.inf).argmin(axis=1)
    highest = starts + np.where(number, buckets, -np.inf).argmax(axis=1)
    filled, holed = np.flatnonzero(number.any(axis=1)), np.flatnonzero(gap.any(axis=1))
    return np.concatenate([lowest[filled], highest[filled], (starts + gap.argmax(axis=1))[holed]])
