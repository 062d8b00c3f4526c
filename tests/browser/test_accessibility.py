"""What axe-core finds wrong with the pages in Chromium. Streamlit's own widgets are not ours to mend; what we draw in them is."""

from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.conftest import App
from tests.browser.screen import STILL, WIDE, chart

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]

GRAVE = ("serious", "critical")
# Found in Streamlit 1.67's own elements, whatever we put into them: a rule and what its element looks like.
STREAMLITS = {
    ("aria-valid-attr-value", "stTabs"),
    ("nested-interactive", "stTooltip"),
    ("scrollable-region-focusable", "stVerticalBlock"),
}


def violations(page: Any) -> list[str]:
    """The grave ones that are ours: rule, element and what is wrong, a line each."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {node['html'][:200]} | {node['failureSummary'][:200]}"
        for each in found
        if each["impact"] in GRAVE
        for node in each["nodes"]
        if not any(each["id"] == rule and mark in node["html"] for rule, mark in STREAMLITS)
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_grave_violation(browser: "Browser", app: App, finished: int, scheme: Any) -> None:
    context = browser.new_context(viewport=WIDE, color_scheme=scheme)
    page = context.new_page()
    for where in ("/", f"/?id={finished}", f"/run?id={finished}", f"/compare?runs={finished}", "/data"):
        page.goto(f"{app.url}{where}")
        page.wait_for_selector(STILL)
        if "id=" in where:
            chart(page, "ended")
        assert violations(page) == [], where
    context.close()
