"""Pausing, resuming, retrying and queueing in a real browser: the page follows the run whoever changes it, also without its engine."""

import fcntl
import os
import signal
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from engine.jobs import launch, memory
from engine.jobs.identity import alive
from engine.store import queue, runs
from engine.store.runs import State
from tests.browser.conftest import App
from tests.browser.screen import chart, picture, points, start
from tests.engine_room import LONG, SMALL
from tests.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _nothing_under_way(app: App) -> None:
    """Each test begins with an engine that has nothing to do."""
    for run in runs.listing(app.room.store, [state for state in State if not state.ended]):
        launch.stop(app.room.store, run.id)
        app.room.ended(run.id)


def ready(page: "Page", key: str) -> None:
    """Wait until a button can be pressed."""
    page.wait_for_selector(f".st-key-{key} button:enabled")


def press(page: "Page", key: str) -> None:
    page.click(f".st-key-{key} button:enabled")


def state_line(page: "Page", words: str) -> None:
    """Wait until the line under the transport says something."""
    page.locator(".st-key-state", has_text=words).first.wait_for()


def test_a_run_is_paused_seen_so_in_two_tabs_and_after_a_refresh_and_goes_on_to_its_end(page: "Page", app: App) -> None:
    number = app.room.start(**LONG)
    app.room.training(number)
    page.goto(f"{app.url}/?id={number}")
    chart(page, "live")
    other = page.context.new_page()
    other.goto(f"{app.url}/?id={number}")
    chart(other, "live")
    press(page, "pause")
    ready(page, "resume")
    ready(other, "resume")
    assert app.room.run(number).state is State.PAUSED
    page.reload()
    ready(page, "resume")
    state_line(page, "paused")
    chart(page, "live")  # a paused run has not ended: its chart listens
    until(lambda: points(page) == points(other) > 0)
    picture(page, "playground-paused")
    seen = points(other)
    press(other, "resume")
    ready(page, "stop")
    ready(page, "pause")
    page.wait_for_function("seen => Number(document.querySelector('[data-live-chart]').dataset.points) > seen", arg=seen)
    state_line(page, "attempt 2")
    press(page, "stop")
    chart(page, "ended")
    chart(other, "ended")
    assert app.room.ended(number).attempt == 2


def test_a_stopped_run_is_retried_and_its_chart_goes_on_by_itself(page: "Page", app: App) -> None:
    number = app.room.start(**LONG)
    app.room.training(number)
    page.goto(f"{app.url}/?id={number}")
    chart(page, "live")
    press(page, "stop")
    chart(page, "ended")
    state_line(page, "Stopped by hand.")
    seen = points(page)
    press(page, "retry")
    chart(page, "live")
    page.wait_for_function("seen => Number(document.querySelector('[data-live-chart]').dataset.points) > seen", arg=seen)
    launch.stop(app.room.store, number)  # as another window or the command line does it
    chart(page, "ended")
    launch.retry(app.room.store, number)
    chart(page, "live")
    state_line(page, "attempt 3")
    picture(page, "playground-attempt")


def test_start_queues_behind_a_run_and_the_queue_is_put_in_order(page: "Page", app: App) -> None:
    first = app.room.start(**LONG)
    app.room.training(first)
    waiting = [app.room.start(**LONG, seed=seed) for seed in (1, 2)]
    page.goto(f"{app.url}/?id={first}")
    ready(page, "stop")
    assert page.is_disabled(".st-key-start button"), "the same settings are under way"
    page.get_by_text("Show all").click()
    page.locator(".st-key-knob-seed input").fill("9")
    page.keyboard.press("Enter")
    ready(page, "start")
    number = start(page)
    state_line(page, "number 3 in the queue")
    press(page, f"line-up-{number}")
    state_line(page, "number 2 in the queue")
    page.click(f".st-key-line-menu-{number} button")
    page.get_by_text("To the front").click()
    state_line(page, "next in the queue")
    picture(page, "playground-queue")
    assert [run.id for run in queue.queued(app.room.store)] == [number, *waiting]
    assert len(runs.listing(app.room.store, [State.QUEUED])) == 3, "a double press is one run"


def test_the_page_says_that_the_engine_is_gone_and_recovers(page: "Page", app: App) -> None:
    number = app.room.start(**LONG)
    app.room.training(number)
    page.goto(f"{app.url}/?id={number}")
    chart(page, "live")
    supervisor = app.room.supervisor()
    with app.room.home.lock.open("a") as lock:
        next_in_line = Thread(target=fcntl.flock, args=(lock, fcntl.LOCK_EX), daemon=True)
        next_in_line.start()  # it waits in the kernel: the next supervisor, which the page wakes, only looks now and then
        os.kill(supervisor.pid, signal.SIGKILL)
        until(lambda: not alive(supervisor))
        next_in_line.join()
        state_line(page, "Starting the engine; a run under way goes on meanwhile.")
        seen = points(page)
        page.wait_for_function("seen => Number(document.querySelector('[data-live-chart]').dataset.points) > seen", arg=seen)
        picture(page, "playground-no-engine")
    app.room.supervisor()
    page.locator(".st-key-state", has_text="parameters").first.wait_for()
    press(page, "stop")
    chart(page, "ended")
    assert app.room.ended(number).state is State.STOPPED


def test_out_of_memory_is_answered_with_a_smaller_run(page: "Page", app: App) -> None:
    number = app.room.start(**SMALL | {"epochs": 2, "batch_size": 128, "seed": 5})
    app.room.ended(number)
    change = {"state": State.OUT_OF_MEMORY, "reason": memory.ran_out(app.room.run(number), "no room.")}
    with app.room.store.write() as connection:
        connection.execute(runs.runs.update().where(runs.runs.c.id == number).values(change))
    page.goto(f"{app.url}/?id={number}")
    state_line(page, "out of memory")
    picture(page, "playground-out-of-memory")
    page.click(".st-key-try-batch_size button")
    page.wait_for_url(f"**id={number + 1}*")
    chart(page, "ended", number + 1)
    assert app.room.run(number + 1).knobs["batch_size"] == 64
    assert app.room.run(number + 1).state is State.FINISHED
