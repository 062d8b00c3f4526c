"""The first quarter of an hour of a newcomer, in a real browser with a real training run behind it."""

import json
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from engine.store.runs import State
from tests.browser.conftest import App
from tests.browser.screen import PHONE, STILL, WIDE, chart, picture, points, start

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


def test_from_first_launch_to_two_runs_beside_each_other(page: "Page", app: App) -> None:
    page.goto(app.url)
    page.wait_for_selector(".st-key-start button:enabled")
    chart(page, "empty")
    assert page.title() == "Athanor"
    picture(page, "playground-empty")

    pressed = time.monotonic()
    first = start(page)
    page.wait_for_function("() => Number(document.querySelector('[data-live-chart]').dataset.points) > 0")
    to_point = time.monotonic() - pressed
    page.wait_for_selector(".st-key-verdict .stMarkdownBadge")
    picture(page, "playground-running")
    chart(page, "ended", first)
    page.wait_for_selector(".st-key-verdict .stMarkdownBadge")
    page.wait_for_selector(".st-key-start button:enabled")
    to_verdict = time.monotonic() - pressed
    picture(page, "playground-finished")
    print(f"\nStart -> first point {to_point:.2f} s, -> final verdict {to_verdict:.1f} s")
    assert app.room.run(first).state is State.FINISHED

    page.locator(".st-key-knob-weight_decay input[type=range]").focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    page.wait_for_url("**knob-weight_decay=0.001*")  # the form's state stands in the address
    second = start(page)
    chart(page, "ended", second)
    assert app.room.run(second).knobs["weight_decay"] == 1e-3
    assert (first, second) == (1, 2), "a double press of Start is one run"
    assert app.room.run(first).knobs | {"weight_decay": 0} == app.room.run(second).knobs | {"weight_decay": 0}

    page.wait_for_selector(".st-key-start button:enabled")
    page.get_by_role("link", name=f"Compare with run {first}").click()
    chart(page, "ended", f"{second},{first}")
    assert f"runs={second}" in page.url
    assert "One run each is no evidence" in page.inner_text(".st-key-sentence")
    picture(page, "compare")


@pytest.mark.slow
def test_a_refresh_and_a_second_tab_show_the_same_run(page: "Page", app: App, finished: int) -> None:
    page.goto(f"{app.url}/?id={finished}")
    chart(page, "ended")
    seen = points(page)
    page.reload()
    chart(page, "ended")
    other = page.context.new_page()
    other.goto(f"{app.url}/?id={finished}")
    chart(other, "ended")
    assert points(page) == points(other) == seen > 0


@pytest.mark.slow
def test_the_language_is_switched_and_stays(page: "Page", app: App, finished: int) -> None:
    page.goto(f"{app.url}/?id={finished}")
    chart(page, "ended")
    page.get_by_role("radio", name="中文").click()
    page.wait_for_url("**lang=zh*")
    page.locator(".st-key-start button", has_text="开始").first.wait_for()
    page.locator("[data-live-chart]", has_text="损失").wait_for()
    page.reload()
    page.locator(".st-key-start button", has_text="开始").first.wait_for()
    page.get_by_role("link", name="比较", exact=True).click()
    page.get_by_role("heading", name="比较").wait_for()
    page.wait_for_url("**lang=zh*")


def test_a_run_goes_on_through_a_refresh_and_stops_from_the_page(page: "Page", app: App) -> None:
    number = app.room.start(epochs=10_000)
    app.room.training(number)
    page.goto(f"{app.url}/?id={number}")
    chart(page, "live")
    seen = points(page)
    page.reload()
    chart(page, "live", number)
    page.wait_for_function("seen => Number(document.querySelector('[data-live-chart]').dataset.points) > seen", arg=seen)
    page.click(".st-key-stop button:enabled")
    chart(page, "ended")
    page.wait_for_selector(".st-key-start button:enabled")
    page.get_by_text("Stopped by hand.").first.wait_for()
    assert app.room.run(number).state is State.STOPPED


@pytest.mark.slow
@pytest.mark.parametrize(("scheme", "language"), [("light", "en"), ("dark", "zh")])
def test_pages_fit_a_phone_and_a_desk_in_both_languages(browser: "Browser", app: App, finished: int, scheme: str, language: str) -> None:
    for size, viewport in (("wide", WIDE), ("phone", PHONE)):
        context = browser.new_context(viewport=viewport, color_scheme=scheme)
        page = context.new_page()
        for name, path in (("playground", f"/?id={finished}&lang={language}"), ("compare", f"/compare?lang={language}")):
            page.goto(app.url + path)
            chart(page, "ended")
            page.wait_for_selector(STILL)
            overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert overflow <= 0, f"{name} scrolls sideways by {overflow} px"
            picture(page, f"{name}-{size}-{scheme}-{language}")
        context.close()


def test_health_says_version_and_supervisor(app: App) -> None:
    app.room.supervisor()
    with urllib.request.urlopen(f"{app.url}/health") as answer:
        told = json.load(answer)
    assert told["ok"] is True
    assert told["supervisor"]["state"] == "alive"


def test_a_foreign_host_and_a_foreign_origin_are_refused(app: App) -> None:
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(urllib.request.Request(f"{app.url}/health", headers={"Host": "evil.example"}))
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(urllib.request.Request(f"{app.url}/health", headers={"Origin": "http://evil.example"}))


def test_the_live_feed_refuses_strangers_and_nonsense(app: App) -> None:
    address = app.url.replace("http", "ws") + "/live"
    for query, headers in (("?run=1", {"Origin": "http://evil.example"}), ("?run=../1", {}), ("?run=1&since=-1", {}), ("", {})):
        with pytest.raises(InvalidStatus), connect(address + query, additional_headers=headers):
            pass
