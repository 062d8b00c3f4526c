"""How fast the screen is, in a real Chromium: `python -m tests.benchmarks.screen`. Prints a table of medians and 95th percentiles.

First paint of a new server, a rerun with every knob drawn, the table of many runs, the overlay of many curves, from Start to the
first point, from a measured point to its picture. A picture counts when Plotly has drawn it.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from engine.config import CONFIG_VERSION, RunConfig
from engine.jobs import launch
from engine.store import packing, records, runs, transitions
from engine.store.records import Batch, Metric
from engine.store.runs import State
from tests.conftest import CHROMIUM_ARGS, ROOT, find_chromium
from tests.engine_room import EngineRoom
from tests.free_port import answers, free_port
from tests.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WIDE = {"width": 1440, "height": 900}
STILL = '[data-test-script-state="notRunning"]'
SUMMARY = {
    "epoch": 20, "epochs": 20, "seconds": 4.2, "val_loss": 0.31, "val_accuracy": 0.912, "best_epoch": 12, "verdict": "healthy",
    "steps_per_epoch": 20, "parameters": 61_706, "validation_images": 306,
}  # fmt: skip


SERIES = ("val_loss", "probe_loss", "val_accuracy", "probe_accuracy")


def point(seq: int) -> Metric:
    """One of four series in turn."""
    epoch = 1 + (seq - 1) // len(SERIES)
    return Metric(seq, SERIES[(seq - 1) % len(SERIES)], 20 * epoch, epoch, 1 / epoch, 1e9 + seq)


@contextmanager
def server(room: EngineRoom) -> Iterator[str]:
    """The app as `make run` starts it; its address."""
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    environment = os.environ | {"ATHANOR_HOME": str(room.home.root)}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def fill(room: EngineRoom, count: int, points: int = 0) -> list[int]:
    """Finished runs that differ in seed and decay."""
    made = []
    for number in range(count):
        config = RunConfig.from_flat({"seed": number, "weight_decay": 10.0 ** -(1 + number % 4)})
        made.append(runs.create(room.store, runs.New("Digits, LeNet", config.model_dump(mode="json"), CONFIG_VERSION)))
        claim = transitions.claim(room.store)
        assert claim is not None
        rows = [point(seq) for seq in range(1, len(SERIES) * points + 1)]
        records.append(room.store, claim, Batch(rows, summary=SUMMARY))
        transitions.end(room.store, claim, State.FINISHED)
        if points:
            packing.pack(room.store, made[-1])
    return made


def told(name: str, seconds: list[float]) -> None:
    """One line of the table, in milliseconds."""
    ordered = sorted(1000 * each for each in seconds)
    high = ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]
    print(f"{name:<52} median {statistics.median(ordered):7.0f} ms   p95 {high:7.0f} ms   n {len(ordered)}", flush=True)


def passes(count: int, act: Callable[[], None]) -> list[float]:
    """How long it takes, each time."""
    took = []
    for _ in range(count):
        begun = time.perf_counter()
        act()
        took.append(time.perf_counter() - begun)
    return took


def first_paint(browser: "Browser", room: EngineRoom) -> None:
    """From the start of the server's process to a Start button that can be pressed."""

    def paint() -> None:
        with server(room) as url:
            until(lambda: answers(url))
            page = browser.new_page(viewport=WIDE)
            page.goto(url)
            page.wait_for_selector(".st-key-start button:enabled")
            page.close()

    told("first paint, from the start of the server", passes(3, paint))


def reruns(page: "Page", url: str) -> None:
    """A press of a key on a slider, with every knob drawn, until the address says it."""
    page.goto(f"{url}/?all-knobs=true")
    page.wait_for_selector(STILL)
    slider = page.locator(".st-key-knob-dropout input[type=range]")
    took = []
    for number in range(20):
        before = page.url
        begun = time.perf_counter()
        slider.focus()
        page.keyboard.press("ArrowRight" if number % 2 == 0 else "ArrowLeft")
        page.wait_for_function("before => location.href !== before", arg=before)
        took.append(time.perf_counter() - begun)
    told(f"rerun with all knobs ({page.locator('[class*=st-key-knob-]').count()} of them)", took)


def table(page: "Page", url: str, count: int) -> None:
    """The page of all runs, until the table is drawn."""

    def open_it() -> None:
        page.goto(f"{url}/compare")
        page.wait_for_selector(".st-key-runs-table canvas")
        page.wait_for_selector(STILL)

    open_it()
    told(f"page with a table of {count:,} runs, loaded anew", passes(5, open_it))
    found = page.locator("[data-testid=stCaptionContainer]", has_text=re.compile(f"of {count:,}"))

    def search() -> None:
        before = found.inner_text()
        page.fill(".st-key-search input", "" if page.input_value(".st-key-search input") else "weight_decay=0.1")
        page.wait_for_function("([element, before]) => element.innerText !== before", arg=[found.element_handle(), before])

    told(f"a search in {count:,} runs, until the table is drawn", passes(10, search))


# Whether the picture holds every point that has come, and there are any.
WHOLE = """() => { const { state, points, drawn } = document.querySelector('[data-live-chart]')?.dataset ?? {};
    return state === 'ended' && points > 0 && points === drawn; }"""
FIRST = "() => Number(document.querySelector('[data-live-chart]')?.dataset.drawn) > 0"
# From the time written on the newest point in a picture to that picture, for sixty pictures.
AGES = """() => new Promise(done => {
    const chart = document.querySelector('[data-live-chart]'), come = new Map(), seen = [];
    const look = new MutationObserver(marks => {
        const { points, last, drawn } = chart.dataset;
        come.set(Number(points), Number(last));
        if (!marks.some(mark => mark.attributeName === 'data-drawn') || !come.has(Number(drawn))) return;
        seen.push(Date.now() - come.get(Number(drawn)));
        if (seen.length >= 60) { look.disconnect(); done(seen); } });
    look.observe(chart, { attributes: true, attributeFilter: ['data-points', 'data-last', 'data-drawn'] }); })"""


def overlay(page: "Page", url: str, numbers: list[int], points: int) -> None:
    """The curves of many runs over each other, until all of them are drawn."""
    address = f"{url}/compare?runs={','.join(map(str, numbers))}"

    drawn = []

    def open_it() -> None:
        page.goto(address)
        page.wait_for_function(WHOLE)
        drawn.append(
            page.evaluate("performance.now() - performance.getEntriesByType('resource').find(e => e.name.includes('/curves')).startTime")
        )

    open_it()
    drawn.clear()
    told(f"overlay of {len(numbers)} runs x {points:,} epochs, page loaded anew", passes(5, open_it))
    told("  of that, from asking for the curves to their picture", [each / 1000 for each in drawn])


def start_to_point(page: "Page", url: str) -> None:
    """From the press to the first point of the curve, with a spare worker waiting."""
    took = []
    for seed in range(5):
        page.goto(f"{url}/?knob-dataset=digits&knob-seed={900_000 + seed}&knob-epochs=2")
        page.wait_for_selector(".st-key-start button:enabled")
        time.sleep(8)  # the spare imports torch at low priority
        begun = time.perf_counter()
        page.click(".st-key-start button:enabled")
        page.wait_for_function(FIRST)
        took.append(time.perf_counter() - begun)
        page.wait_for_selector('[data-live-chart][data-state="ended"]')
    told("Start -> first point drawn on the curve", took)
    imports = passes(3, lambda: subprocess.run([sys.executable, "-c", "import torch, torchvision"], check=True))
    told("`import torch, torchvision` beside it", imports)


def point_to_picture(page: "Page", room: EngineRoom, url: str) -> None:
    """From the time written on a point to its picture."""
    number = room.start(epochs=10_000)
    room.training(number)
    page.goto(f"{url}/?id={number}")
    page.wait_for_selector('[data-live-chart][data-state="live"]')
    told("a measured point -> its picture in the browser", [each / 1000 for each in page.evaluate(AGES)])
    launch.stop(room.store, number)
    room.ended(number)


def main() -> None:
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--curves", type=int, default=100)
    parser.add_argument("--points", type=int, default=1_000)
    given = parser.parse_args()
    room, crowd = (EngineRoom(Path(tempfile.mkdtemp()) / "home") for _ in range(2))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(CHROMIUM_ARGS))
        try:
            first_paint(browser, room)
            with server(room) as url:
                until(lambda: answers(url))
                page = browser.new_page(viewport=WIDE)
                page.set_default_timeout(120_000)
                reruns(page, url)
                start_to_point(page, url)
                point_to_picture(page, room, url)
            curves = fill(crowd, given.curves, given.points)
            fill(crowd, given.runs - given.curves)
            with server(crowd) as url:
                until(lambda: answers(url))
                overlay(page, url, curves, given.points)
                table(page, url, given.runs)
            print(json.dumps({"cores": os.cpu_count()}))
        finally:
            browser.close()
            room.close()
            crowd.close()


if __name__ == "__main__":
    main()
