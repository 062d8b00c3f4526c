"""The live feed: one WebSocket per watched run; the first rows at once, then what is new, eight times a second. A run that is paused
or tried again stays watched. All look at the same moments, so that many viewers of a run cost one look into the store.

Follows the store by cursor and only reads. Knows the chart's protocol, nothing of the page.
"""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from starlette.websockets import WebSocket, WebSocketDisconnect

from engine import strings
from engine.errors import NotFound, StoreError
from engine.server.guard import allowed
from engine.store import records, runs
from engine.store.connect import Store, open_store
from engine.store.home import Home
from engine.store.runs import Run, State

# Seconds between looks into the store; at a paused run, whose return may be hours away.
PERIOD, PAUSED_PERIOD = 0.125, 1.0
# WebSocket close codes: 1000 done, 1008 policy, 1013 try again later, 4404 ours: there is no such run.
DONE, REFUSED, LATER, NO_SUCH_RUN = 1000, 1008, 1013, 4404
Message = dict[str, Any]


class Look(NamedTuple):
    """A run and what it told after a cursor."""

    run: Run
    news: records.News


def look(store: Store, run: int, since: int) -> Look:
    """Read both, the state before the rows, so that an end is told after the last row. Raises NotFound."""
    return Look(runs.get(store, run), records.read(store, run, since))


_looking: dict[tuple[Store, int, int], asyncio.Task[Look]] = {}


async def shared_look(store: Store, run: int, since: int) -> Look:
    """The same without blocking; who asks the same while it is being read gets the same answer."""
    asked = store, run, since
    task = _looking.get(asked)
    if task is None:
        task = _looking[asked] = asyncio.create_task(asyncio.to_thread(look, *asked))
        task.add_done_callback(lambda _: _looking.pop(asked))
    return await asyncio.shield(task)  # a viewer who goes does not take it from the others


class Follower:
    """What one socket has been told of a run, and what it has not."""

    def __init__(self, since: int) -> None:
        self.seq = since
        self._hello: Message | None = None
        self._state: Message | None = None
        self.ended = False
        self.more = False
        self.period = PERIOD

    def messages(self, seen: Look) -> list[Message]:
        """What the socket does not know yet of a look from `seq` on."""
        run, news = seen
        self.seq = news.seq
        self.more = news.more
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
    run, since = runs.number_of(socket.query_params.get("run", "")), runs.number_of(socket.query_params.get("since", "0"))
    if not allowed(socket) or run is None or since is None:
        await socket.close(REFUSED)  # before it is accepted, so that a stranger gets 403
        return
    await socket.accept()
    listening = asyncio.create_task(_until_gone(socket))
    try:
        await _follow(socket, open_store(Home.find()), run, since, listening)
    except NotFound:
        await socket.close(NO_SUCH_RUN)
    except StoreError:
        await socket.close(LATER)
    except WebSocketDisconnect:
        pass
    finally:
        listening.cancel()


async def _follow(socket: WebSocket, store: Store, run: int, since: int, listening: asyncio.Task[None]) -> None:
    follower = Follower(since)
    while not listening.done():
        for message in follower.messages(await shared_look(store, run, follower.seq)):
            await socket.send_json(message)
        if follower.ended:
            await socket.close(DONE)
            return
        wait = 0.0 if follower.more else follower.period - time.monotonic() % follower.period
        await asyncio.wait([listening], timeout=wait)


async def _until_gone(socket: WebSocket) -> None:
    """Viewers say nothing; waiting for their words is how their going is noticed."""
    with contextlib.suppress(WebSocketDisconnect):
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
