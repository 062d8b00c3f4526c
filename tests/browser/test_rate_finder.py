"""A rate is found and taken over in a real browser, where a part of the page draws itself."""

from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import App
from tests.browser.screen import STILL

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow


def test_a_rate_that_was_taken_stays(page: "Page", app: App) -> None:
    page.goto(app.url)
    page.wait_for_selector(".st-key-start button:enabled")
    page.get_by_role("button", name="Find a rate").click()
    page.click(".st-key-range-test button")
    page.click(".st-key-range-take button:enabled")
    page.wait_for_url("**knob-learning_rate=*")
    taken = page.url
    page.wait_for_selector(".st-key-range-take button:disabled")
    page.keyboard.press("Escape")
    page.locator(".st-key-knob-dropout input[type=range]").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**knob-dropout=*")
    page.wait_for_selector(STILL)
    rate = taken.split("knob-learning_rate=")[1].split("&")[0]
    assert f"knob-learning_rate={rate}" in page.url
