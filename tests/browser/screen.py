"""What a test sees and does in the browser: wait for the chart, press Start, keep a picture. Knows no store."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

SCREENSHOTS = Path(__file__).parents[2] / "screenshots"
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
STILL = '[data-test-script-state="notRunning"]'
# Of the run in the address, null without one.
NUMBER = "new URL(location).searchParams.get('id')"


def picture(page: "Page", name: str) -> None:
    """Keep a screenshot to look at; nothing is asserted on pixels."""
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")


def chart(page: "Page", state: str, run: int | str | None = None) -> None:
    """Wait until the chart, of this run when one is named, is in a state."""
    from playwright.sync_api import TimeoutError as TooLate

    which = "" if run is None else f'[data-run="{run}"]'
    try:
        page.wait_for_selector(f'[data-live-chart]{which}[data-state="{state}"]')
    except TooLate as error:
        raise AssertionError(f"the chart is not {state}; the page says: {' '.join(page.inner_text('body').split())}") from error


def points(page: "Page") -> int:
    return int(page.get_attribute("[data-live-chart]", "data-points") or 0)


def start(page: "Page") -> int:
    """Press Start, impatiently; the number of the run it began."""
    before = page.evaluate(NUMBER)
    page.dblclick(".st-key-start button:enabled")
    page.wait_for_function(f"before => ![null, before].includes({NUMBER})", arg=before)
    return int(page.evaluate(NUMBER))
