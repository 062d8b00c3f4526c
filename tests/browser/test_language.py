"""The language is changed in a real browser, which goes on telling the words that it shows."""

from typing import TYPE_CHECKING

from tests.browser.conftest import App

if TYPE_CHECKING:
    from playwright.sync_api import Page


def test_a_change_of_language_changes_no_setting(page: "Page", app: App) -> None:
    page.goto(f"{app.url}/?knob-architecture=resnet18&knob-resolution=64&lang=en")
    page.wait_for_selector(".st-key-start button:enabled")
    for switch, drawn in (("中文", "随机"), ("English", "Drawn at random")):
        page.get_by_text(switch).click()
        page.wait_for_function("word => document.querySelector('.st-key-knob-weights input').value === word", arg=drawn)
        page.wait_for_selector(".st-key-start button:enabled")
        assert "knob-weights" not in page.url
