"""What axe-core finds wrong with the pages in Chromium. Streamlit's own widgets are not ours to mend; what we draw in them is."""

from typing import TYPE_CHECKING, Any

import pytest

from engine.store import requests
from tests.browser.conftest import App
from tests.browser.screen import STILL, WIDE, chart
from tests.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow

TABS = ("curves", "verdict", "samples", "config", "log", "files")
GRAVE = ("serious", "critical")
# White on the primary colour, which is also that of chosen words: in the dark no colour gives both 4.5:1, so the words have it.
STREAMLITS = ("color-contrast", "foreground color: #ffffff, background color: #169588")


def violations(page: Any) -> list[str]:
    """The grave ones that are ours: rule, element and what is wrong, a line each."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {node['html'][:200]} | {node['failureSummary'][:200]}"
        for each in found
        if each["impact"] in GRAVE
        for node in each["nodes"]
        if not (each["id"] == STREAMLITS[0] and STREAMLITS[1] in node["failureSummary"])
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_grave_violation(browser: "Browser", app: App, finished: int, scheme: Any) -> None:
    context = browser.new_context(viewport=WIDE, color_scheme=scheme)
    page = context.new_page()
    shown = ("/", f"/?id={finished}&all-knobs=true", f"/?id={finished}&lang=zh", f"/compare?runs={finished}", "/data")
    for where in (*shown, *(f"/run?id={finished}&tab={tab}" for tab in TABS)):
        page.goto(f"{app.url}{where}")
        page.wait_for_selector(STILL)
        until(lambda: not requests.pending(app.room.store))
        page.wait_for_selector(STILL)
        if "/?id=" in where:
            chart(page, "ended")
        assert violations(page) == [], where
    context.close()
