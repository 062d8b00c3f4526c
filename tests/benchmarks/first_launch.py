"""Seconds from `make run` to the painted Playground and from Start to the first point, in a real browser.

Run it by hand, on a quiet machine: `.venv/bin/python -m tests.benchmarks.first_launch`. It prints medians and asserts nothing.
"""

import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from playwright.sync_api import sync_playwright

from tests.conftest import CHROMIUM_ARGS, ROOT, find_chromium
from tests.engine_room import EngineRoom
from tests.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROUNDS, STARTS = 3, 3
PORT = 8590
READY = ".st-key-start button:enabled"
POINTS = "run => { const d = document.querySelector('[data-live-chart]').dataset; return d.run === run && Number(d.points) > 0 }"
# Milliseconds in which the next spare worker imports torch; a person reads the verdict meanwhile.
BREATH = 8_000


def main() -> None:
    paints, points = [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(CHROMIUM_ARGS))
        for number in range(ROUNDS):
            with tempfile.TemporaryDirectory() as folder:
                paint, firsts = one_round(browser, Path(folder) / "home", PORT + number)
            paints.append(paint)
            points += firsts
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import torch, torchvision"], check=True)
    imported = time.perf_counter() - began
    print(f"make run -> painted     {statistics.median(paints):.2f} s, median of {[round(paint, 2) for paint in paints]}")
    print(f"Start -> first point    {statistics.median(points):.2f} s, median of {[round(point, 2) for point in points]}")
    print(f"import torch, torchvision {imported:.2f} s; ratio {statistics.median(points) / imported:.2f}")


def one_round(browser: "Browser", home: Path, port: int) -> tuple[float, list[float]]:
    began = time.perf_counter()
    environment = os.environ | {"ATHANOR_HOME": str(home)}
    command = ["make", "run", f"PORT={port}"]
    quiet = subprocess.DEVNULL
    server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=quiet, stderr=quiet, start_new_session=True)
    page = browser.new_page()
    try:
        painted = reach(page, f"http://127.0.0.1:{port}") - began
        points = [first_point(page, str(run + 1)) for run in range(STARTS)]
        page.wait_for_timeout(BREATH)  # or the spare's import would weigh on the next round
        return painted, points
    finally:
        page.close()
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()
        EngineRoom(home).close()


def reach(page: "Page", address: str) -> float:
    until(lambda: listens(urlsplit(address).port or 0))  # a failed page load would cost the browser seconds of its own
    page.goto(address)
    page.wait_for_selector(READY)
    page.wait_for_selector("[data-live-chart]")
    return time.perf_counter()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def first_point(page: "Page", run: str) -> float:
    page.wait_for_selector(READY)
    page.wait_for_timeout(BREATH)
    pressed = time.perf_counter()
    page.click(READY)
    page.wait_for_function(POINTS, arg=run)
    seconds = time.perf_counter() - pressed
    page.wait_for_selector('[data-live-chart][data-state="ended"]')
    return seconds


if __name__ == "__main__":
    main()
