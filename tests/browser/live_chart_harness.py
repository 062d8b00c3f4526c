"""A server for the live chart alone: the routes it needs, fed by a test with messages instead of by a training run.

`POST /push?run=ID` appends messages to the run's log and sends them, `POST /forget?run=ID` empties the log, `POST /drop?run=ID`
cuts the run's sockets, `GET /cursors?run=ID` lists the `since` of every connection so far. `/curves` answers with what was pushed.
"""

import asyncio
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import plotly
import streamlit as st
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
NO_SUCH_RUN = "404"
logs: dict[str, list[dict[str, Any]]] = defaultdict(list)
sockets: dict[str, set[WebSocket]] = defaultdict(set)
cursors: dict[str, list[int]] = defaultdict(list)
curve_questions: list[int] = []


def after(message: dict[str, Any], since: int) -> dict[str, Any]:
    """The message as a reader at `since` still needs it."""
    if message["kind"] != "rows":
        return message
    rows = [row for row in message["rows"] if row[0] > since]
    return {**message, "rows": rows, "events": [event for event in message["events"] if event["seq"] > since]}


async def live(socket: WebSocket) -> None:
    run, since = socket.query_params["run"], int(socket.query_params["since"])
    await socket.accept()
    if run == NO_SUCH_RUN:
        await socket.close(4404)
        return
    cursors[run].append(since)
    sockets[run].add(socket)
    try:
        for message in list(logs[run]):
            await send(socket, after(message, since))
        while True:
            await socket.receive()
    except (WebSocketDisconnect, RuntimeError):
        pass
    finally:
        sockets[run].discard(socket)


async def send(socket: WebSocket, message: dict[str, Any]) -> None:
    await socket.send_text(json.dumps(message))
    if message["kind"] == "end":
        await socket.close(1000)


async def push(request: Request) -> JSONResponse:
    run, messages = request.query_params["run"], await request.json()
    logs[run].extend(messages)
    for message in messages:
        await asyncio.gather(*(send(socket, message) for socket in list(sockets[run])))
    return JSONResponse({"readers": len(sockets[run])})


async def drop(request: Request) -> JSONResponse:
    for socket in list(sockets[request.query_params["run"]]):
        await socket.close(1012)
    return JSONResponse({})


async def forget(request: Request) -> JSONResponse:
    """The run has ended once; what comes next is a new attempt."""
    logs[request.query_params["run"]].clear()
    return JSONResponse({})


async def seen(request: Request) -> JSONResponse:
    return JSONResponse(cursors[request.query_params["run"]])


async def curves(request: Request) -> JSONResponse:
    """The real route's answer, of the runs that were told of: those whose log ends are over, the others under way."""
    numbers = [run for run in request.query_params["runs"].split(",") if logs[run]]
    curve_questions.append(len(numbers))
    names = {"val", "probe"} if request.query_params["training"] == "1" else {"val"}
    return JSONResponse({"every": 1, "runs": [told(logs[run], names) for run in numbers]})


def told(log: list[dict[str, Any]], names: set[str]) -> dict[str, Any]:
    over = log[-1]["kind"] == "end"
    head = next(message for message in log if message["kind"] == "hello")
    series: dict[str, dict[str, list[Any]]] = {}
    for row in (row for message in log if message["kind"] == "rows" for row in message["rows"] if row[1].split("_")[0] in names):
        columns = series.setdefault(row[1], {"seq": [], "step": [], "epoch": [], "value": [], "time": []})
        for name, value in zip(columns, (row[0], *row[2:]), strict=True):
            columns[name].append(value)
    return {**head, "ended": over, "under_way": not over, "events": [], "series": series}


async def questions(request: Request) -> JSONResponse:
    """How many runs each request to `/curves` was about."""
    return JSONResponse(curve_questions)


async def library(request: Request) -> FileResponse:
    return FileResponse(PLOTLY)


app = st.App(
    Path(__file__).with_name("live_chart_page.py"),
    routes=[
        WebSocketRoute("/live", live),
        Route("/push", push, methods=["POST"]),
        Route("/drop", drop, methods=["POST"]),
        Route("/forget", forget, methods=["POST"]),
        Route("/cursors", seen),
        Route("/curves", curves),
        Route("/questions", questions),
        Route("/assets/plotly.min.js", library),
    ],
)
