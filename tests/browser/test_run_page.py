"""The page of a run in a real browser: by a cold link, tab by tab, while it trains and after."""

from typing import TYPE_CHECKING

import pytest

from engine.jobs import launch
from engine.store.runs import State
from tests.browser.conftest import App
from tests.browser.screen import PHONE, STILL, WIDE, chart, picture

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

TABS = {
    "Curves": "curves",
    "Verdict": "verdict-history",
    "Samples": "tiles-first",
    "Config": "numerics",
    "Log": "log",
    "Files": "all-files",
}


@pytest.mark.slow
def test_every_tab_has_an_address_of_its_own(page: "Page", app: App, finished: int) -> None:
    page.goto(f"{app.url}/run?id={finished}")
    chart(page, "ended", finished)
    for label, key in TABS.items():
        page.get_by_role("tab", name=label).click()
        page.wait_for_selector(f".st-key-{key}")
        page.wait_for_selector(STILL)
        if label != "Curves":
            page.wait_for_url(f"**tab={label.lower()}*")
        page.reload()
        page.wait_for_selector(f".st-key-{key}")
        assert page.get_by_role("tab", name=label).get_attribute("aria-selected") == "true"


@pytest.mark.slow
def test_the_page_follows_a_run_to_its_end(page: "Page", app: App) -> None:
    number = app.room.start(epochs=10_000)
    app.room.training(number)
    page.goto(f"{app.url}/?id={number}")
    page.get_by_role("link", name=f"Run {number} ↗").click()
    chart(page, "live", number)
    page.get_by_role("tab", name="Samples").click()
    page.wait_for_selector(".st-key-tiles-first [role=img]")
    page.wait_for_selector(".st-key-tiles-confused [role=img]")
    launch.stop(app.room.store, number)
    page.locator("h2", has_text="stopped").wait_for()
    assert app.room.run(number).state is State.STOPPED
    page.get_by_role("button", name="Open in Playground").click()
    chart(page, "ended", number)
    assert f"id={number}" in page.url


@pytest.mark.slow
@pytest.mark.parametrize(("scheme", "language"), [("light", "en"), ("dark", "zh")])
def test_every_tab_fits_a_phone_and_a_desk(browser: "Browser", app: App, finished: int, scheme: str, language: str) -> None:
    for size, viewport in (("wide", WIDE), ("phone", PHONE)):
        context = browser.new_context(viewport=viewport, color_scheme=scheme)
        page = context.new_page()
        for label, key in TABS.items():
            page.goto(f"{app.url}/run?id={finished}&lang={language}&tab={label.lower()}")
            page.wait_for_selector(f".st-key-{key}")
            page.wait_for_selector(STILL)
            overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert overflow <= 0, f"{label} scrolls sideways by {overflow} px"
            picture(page, f"run-{label.lower()}-{size}-{scheme}-{language}")
        context.close()
