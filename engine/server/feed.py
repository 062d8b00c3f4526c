"""The live feed: one WebSocket per watched run; the first rows at once, then what is new, ten times a second. A run that is paused
or tried again stays watched.

Follows the store by cursor and only reads. Knows the chart's protocol, nothing of the page.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from engine import strings
from engine.errors import NotFound, StoreError
from engine.server.guard import allowed
from engine.store import records, runs
from engine.store.connect import Store, open_store
from engine.store.home import Home
from engine.store.runs import Run, State

# Seconds between looks into the store; at a paused run, whose return may be hours away.
PERIOD, PAUSED_PERIOD = 0.1, 1.0
# WebSocket close codes: 1000 done, 1008 policy, 1013 try again later, 4404 ours: there is no such run.
DONE, REFUSED, LATER, NO_SUCH_RUN = 1000, 1008, 1013, 4404
Message = dict[str, Any]


class Follower:
    """What one socket has been told of a run, and what it has not."""

    def __init__(self, store: Store, run: int, since: int) -> None:
        self.store = store
        self.number = run
        self.seq = since
        self._hello: Message | None = None
        self._state: Message | None = None
        self.ended = False
        self.period = PERIOD

    def news(self) -> list[Message]:
        """The messages since the last call. The state is read before the rows, so that an end is told after the last row."""
        run = runs.get(self.store, self.number)
        news = records.read(self.store, self.number, self.seq)
        self.seq = news.seq
        self.ended = run.state.ended and not news.more
        self.period = PAUSED_PERIOD if run.state is State.PAUSED else PERIOD
        behind = [] if news.more else self._changed_state(run)
        return [*self._changed_head(run), *_rows(news), *behind]

    def _changed_head(self, run: Run) -> Iterator[Message]:
        head = {"kind": "hello", **head_of(run)}
        if head != self._hello:
            self._hello = head
            yield head | {"state": run.state}

    def _changed_state(self, run: Run) -> Iterator[Message]:
        message = {"kind": "state", "state": run.state, "attempt": run.attempt, "words": strings.say(f"ui.state.{run.state}")}
        if message != self._state:
            self._state = message
            yield message
        if self.ended:
            yield {"kind": "end"}


def head_of(run: Run) -> Message:
    """What the axes need. The planned epochs are the axis of a run under way; one that has ended goes no further than it went."""
    planned, done = run.summary.get("epochs", run.knobs["epochs"]), run.summary.get("epoch")
    return {
        "run": run.id, "name": f"{run.id}: {run.name}", "epochs": done if run.state.ended and done else planned,
        "steps_per_epoch": run.summary.get("steps_per_epoch"), "train_images": run.summary.get("train_images"),
    }  # fmt: skip


def milliseconds(time: float) -> int:
    """Seconds since the epoch as the browser counts."""
    return round(time * 1000)


def event_as_told(event: records.Event) -> Message:
    """An event without its run, its time in milliseconds."""
    return {**vars(event), "time": milliseconds(event.time)}


def _rows(news: records.News) -> Iterator[Message]:
    if news.metrics or news.events:
        rows = [[row.seq, row.series, row.step, row.epoch, row.value, milliseconds(row.time)] for row in news.metrics]
        happened = [event_as_told(event) for event in news.events]
        yield {"kind": "rows", "seq": news.seq, "rows": rows, "events": happened}


async def live(socket: WebSocket) -> None:
    """`/live?run=ID&since=SEQ`: follow one run until it ends or the viewer goes."""
    follower = _follower(socket)
    if follower is None:
        await socket.close(REFUSED)  # before it is accepted, so that a stranger gets 403
        return
    await socket.accept()
    listening = asyncio.create_task(_until_gone(socket))
    try:
        await _follow(socket, follower, listening)
    except NotFound:
        await socket.close(NO_SUCH_RUN)
    except StoreError:
        await socket.close(LATER)
    except WebSocketDisconnect:
        pass
    finally:
        listening.cancel()


def _follower(socket: WebSocket) -> Follower | None:
    """The follower asked for; None for a stranger or a request that makes no sense."""
    run, since = socket.query_params.get("run", ""), socket.query_params.get("since", "0")
    number, cursor = runs.number_of(run), runs.number_of(since)
    if not allowed(socket) or number is None or cursor is None:
        return None
    return Follower(open_store(Home.find()), number, cursor)


async def _follow(socket: WebSocket, follower: Follower, listening: asyncio.Task[None]) -> None:
    while not listening.done():
        for message in await asyncio.to_thread(follower.news):
            await socket.send_json(message)
        if follower.ended:
            await socket.close(DONE)
            return
        await asyncio.wait([listening], timeout=follower.period)


async def _until_gone(socket: WebSocket) -> None:
    """Viewers say nothing; waiting for their words is how their going is noticed."""
    with contextlib.suppress(WebSocketDisconnect):
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
