"""The real app on a free port with a data folder of its own, for tests in a real browser."""

import os
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.live_chart_room import Server, serve
from tests.browser.screen import WIDE
from tests.engine_room import EngineRoom
from tests.free_port import answers, free_port
from tests.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[2]
chart_runs = count(7)


@dataclass(frozen=True)
class App:
    """A running server: its address, its data folder, its process."""

    url: str
    room: EngineRoom
    process: subprocess.Popen[bytes]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What the page said when a test failed."""
    report = yield
    page = getattr(item, "funcargs", {}).get("page")
    if report.failed and call.when == "call" and page is not None:
        with suppress(Exception):  # a page that is closed or stalled says nothing: that must not end the whole session
            report.sections.append((page.url, page.inner_text("body", timeout=5_000)))
    return report


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """Started as `make run` starts it."""
    folder = tmp_path_factory.mktemp("app")
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    environment = os.environ | {"ATHANOR_HOME": str(folder / "home")}
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True)
    url = f"http://127.0.0.1:{port}"
    until(lambda: answers(url) or process.poll() is not None)
    assert process.poll() is None, (folder / "server.log").read_text()
    room = EngineRoom(folder / "home")
    yield App(url, room, process)
    process.terminate()
    try:
        process.wait(60)
    finally:
        process.kill()
        process.wait()
        room.close()


@pytest.fixture(scope="module")
def finished(app: App) -> int:
    """A run that has ended in the app's store."""
    number = app.room.start()
    app.room.ended(number)
    return number


@pytest.fixture
def page(browser: "Browser") -> "Iterator[Page]":
    from playwright.sync_api import expect

    expect.set_options(timeout=60_000)  # the first picture takes seconds on a machine with other work
    context = browser.new_context(viewport=WIDE, color_scheme="light")
    page = context.new_page()
    page.set_default_timeout(120_000)
    yield page
    context.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The live chart alone, fed by the test."""
    yield from serve(tmp_path_factory.mktemp("harness"))


@pytest.fixture
def run() -> int:
    """A run of the chart's server that no other test has used."""
    return next(chart_runs)
