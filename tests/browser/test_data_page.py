"""The Data page in a real browser: pictures come at once, follow the form, nothing moves, and both pages agree on the form."""

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from engine.jobs.terms import SERVANT
from engine.store import attempts, requests
from tests.browser.conftest import App
from tests.browser.screen import PHONE, STILL, picture
from tests.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow
MARKUP = "**b** <b>x [a](javascript:b)"


@pytest.fixture(scope="module", autouse=True)
def _birds(app: App) -> None:
    """A folder of noise with names that would be markup, there before a page lists the folders."""
    noise = np.random.default_rng(0)
    for name in (MARKUP, "wren", "owl"):
        folder = app.room.home.data / "birds" / name
        folder.mkdir(parents=True)
        for place in range(8):
            Image.fromarray(noise.integers(0, 256, (9, 7, 3), dtype=np.uint8)).save(folder / f"{place}.png")
    (folder / "<img src=x>.png").write_bytes(b"")


def drawn(page: "Page") -> None:
    """Wait until the last of the pictures has come."""
    for part in ("classes", "draws"):
        page.wait_for_function(f"[...document.querySelectorAll('.st-key-{part} img')].every(image => image.complete && image.naturalWidth)")
    page.get_by_text("Left as it is").or_(page.get_by_text("No augmentation: every")).or_(page.get_by_text("最左是原图")).first.wait_for()


def source(page: "Page", part: str) -> str:
    return page.locator(f".st-key-{part} img").first.get_attribute("src") or ""


def changed(page: "Page", part: str, before: str) -> None:
    """Wait until other pictures stand in a part."""
    page.wait_for_function(
        "([part, before]) => (document.querySelector(`.st-key-${part} img`)?.getAttribute('src') ?? before) !== before", arg=[part, before]
    )


def test_augmentation_is_seen_and_the_playground_knows_of_it(page: "Page", app: App) -> None:
    page.goto(f"{app.url}/data")
    drawn(page)
    place = page.locator(".st-key-draws").bounding_box()
    before = source(page, "draws")
    page.locator(".st-key-knob-augmentation button", has_text="Strong").click()
    changed(page, "draws", before)
    page.get_by_text("Left as it is, then eight draws: crop, turn, colour.").wait_for()
    assert page.locator(".st-key-draws").bounding_box() == place
    page.wait_for_url("**knob-rotation=20*")
    before = source(page, "draws")
    servant = attempts.presence(app.room.store, SERVANT)
    assert servant is not None
    with app.room.halted(servant.identity):  # longer than a page waits for an answer
        page.click(".st-key-draws-others button")
        until(lambda: requests.pending(app.room.store))
        page.wait_for_selector(STILL)
    changed(page, "draws", before)
    picture(page, "data-light")
    page.get_by_role("link", name="Playground").click()
    strong = page.locator('.st-key-knob-augmentation [aria-checked="true"]', has_text="Strong")
    strong.wait_for()
    page.get_by_role("link", name="Data").click()
    drawn(page)
    strong.wait_for()


def test_a_folder_with_hostile_names_is_shown_as_text_on_a_phone_in_chinese(page: "Page", app: App) -> None:
    page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    page.goto(f"{app.url}/data?knob-dataset=birds&knob-rotation=20&lang=zh")
    drawn(page)
    page.locator(".st-key-classes", has_text=MARKUP[:21]).wait_for()
    page.get_by_text("1 个文件未使用").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    picture(page, "data-phone-zh")
