"""A server for the live chart alone and what tests do with it: push messages, look at what is drawn."""

import json
import math
import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).parents[2]
STEPS = 18
CHART = "[data-live-chart]"
PLOT = "document.querySelector('.athanor-live .plot')"


class Server:
    """The harness server: where it is, and what a test makes it say."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def push(self, run: int, *messages: dict[str, Any]) -> None:
        self.ask(f"/push?run={run}", list(messages))

    def drop(self, run: int) -> None:
        self.ask(f"/drop?run={run}", [])

    def cursors(self, run: int) -> list[int]:
        return self.ask(f"/cursors?run={run}")

    def readers(self, run: int) -> int:
        return self.ask(f"/push?run={run}", [])["readers"]

    def questions(self) -> list[int]:
        """How many runs each request to `/curves` was about."""
        return self.ask("/questions")

    def forget(self, run: int) -> None:
        self.ask(f"/forget?run={run}", [])

    def ask(self, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(self.url + path, data=data), timeout=60) as answer:
            return json.load(answer)


def serve(home: Path) -> Iterator[Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    harness = Path(__file__).with_name("live_chart_harness.py")
    options = [f"--server.port={port}", "--server.address=127.0.0.1", "--server.headless=true", "--server.fileWatcherType=none"]
    command = [sys.executable, "-m", "streamlit", "run", str(harness), *options, "--browser.gatherUsageStats=false"]
    with (home / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=home, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=log, stderr=log)
    here = Server(port)
    until(lambda: _answers(here) or process.poll() is not None)
    assert process.poll() is None, (home / "log").read_text()
    yield here
    process.terminate()
    try:
        process.wait(60)
    finally:
        process.kill()
        process.wait()


def _answers(server: Server) -> bool:
    try:
        urllib.request.urlopen(server.url + "/_stcore/health", timeout=2).close()
    except OSError:
        return False
    return True


def hello(run: int, name: str = "digits", epochs: int = 20) -> dict[str, Any]:
    return {"kind": "hello", "run": run, "name": name, "state": "running", "epochs": epochs, "steps_per_epoch": STEPS, "train_images": 576}


def rows(first: int, last: int, seq: int, events: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    """Epochs `first` to `last`, four rows each, numbered from `seq` on."""
    made = []
    for epoch in range(first, last + 1):
        loss = 2 * math.exp(-epoch / 4)
        for series, value in (
            ("probe_loss", loss),
            ("probe_accuracy", 1 - loss / 3),
            ("val_loss", loss + 0.3),
            ("val_accuracy", 0.9 - loss / 3),
        ):
            made.append([seq + len(made), series, epoch * STEPS, epoch, value, 1_700_000_000_000 + epoch])
    return {"kind": "rows", "seq": max([seq + len(made) - 1, *(event["seq"] for event in events)]), "rows": made, "events": list(events)}


def visit(page: "Page", server: Server, query: str) -> None:
    page.goto(f"{server.url}/?{query}")
    page.wait_for_selector(CHART)


def has(page: "Page", name: str, value: object) -> None:
    from playwright.sync_api import expect

    expect(page.locator(CHART)).to_have_attribute(f"data-{name}", str(value))


def drawn(page: "Page", points: int) -> None:
    """Wait until Plotly has drawn a line of `points` points."""
    page.wait_for_function("n => document.querySelector('.athanor-live .plot')?.data?.some(t => t.x?.length === n)", arg=points)


class Held:
    """Plotly's script on its way to the browser: it comes when told to. `reacts` counts how often it has drawn the whole chart."""

    def __init__(self, page: "Page") -> None:
        self.page = page
        self._held: list[Any] = []
        page.route("**/assets/plotly.min.js*", self._hold)
        page.add_init_script("""
            let plotly;
            window.reacts = 0;
            Object.defineProperty(window, "Plotly", {
                configurable: true,
                get: () => plotly,
                set: (library) => {
                    const react = library.react;
                    plotly = Object.assign(library, { react: (...given) => (window.reacts++, react(...given)) });
                },
            });""")

    def _hold(self, route: Any) -> None:
        self._held.append(route)

    def let_go(self) -> None:
        until(lambda: self._held or self.page.wait_for_timeout(10))
        for route in self._held:
            route.continue_()

    def reacts(self) -> int:
        return self.page.evaluate("window.reacts")


def frames(page: "Page") -> None:
    """Wait until what was due now and at the next frame has happened."""
    page.evaluate("() => new Promise(done => setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(done))))")


def horizontal_range(page: "Page") -> list[float]:
    return page.evaluate("document.querySelector('.athanor-live .plot').layout.xaxis.range")


def zoom(page: "Page") -> list[float]:
    """Drag over the middle of the plot and return the range that the zoom gave."""
    box = page.locator(".athanor-live .nsewdrag").bounding_box()
    assert box
    before = horizontal_range(page)
    page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] / 2, steps=5)
    page.mouse.up()
    page.wait_for_function("old => document.querySelector('.athanor-live .plot').layout.xaxis.range[1] < old - 1", arg=before[1])
    return horizontal_range(page)


def told(series: str, values: "list[float | None]", seq: int = 1, pace: int = 1000) -> dict[str, Any]:
    """One series, a value an epoch, an epoch every `pace` milliseconds."""
    made = [[seq + i, series, (i + 1) * STEPS, i + 1, value, 1_700_000_000_000 + pace * (i + 1)] for i, value in enumerate(values)]
    return {"kind": "rows", "seq": seq + len(made) - 1, "rows": made, "events": []}


def happened(seq: int, kind: str, epoch: int, **data: Any) -> dict[str, Any]:
    """Rows with nothing but one event at the end of an epoch."""
    event = {"seq": seq, "kind": kind, "step": epoch * STEPS, "epoch": epoch, "data": data}
    return {"kind": "rows", "seq": seq, "rows": [], "events": [event]}


def line(page: "Page", name: str) -> dict[str, Any]:
    """The bold line of this name: x, y and look."""
    return page.evaluate(
        f"""name => {{
        const found = {PLOT}.data.findLast(t => t.name === name);
        return found && {{ x: [...found.x], y: [...found.y], colour: found.line.color, dash: found.line.dash, axis: found.yaxis }};
    }}""",
        name,
    )


def choose_axis(page: "Page", name: str) -> None:
    page.get_by_label("Horizontal axis").select_option(name)
    page.wait_for_selector(f"{CHART}[data-axis={name}]")


def said(page: "Page") -> list[str]:
    """Words on the plot."""
    return page.locator(f"{CHART} .annotation-text").all_text_contents()
