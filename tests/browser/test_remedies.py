"""From an illness to what is prescribed for it, with one press and a real run behind it, in a real browser."""

from typing import TYPE_CHECKING

import pytest

from engine.store import advice, runs
from engine.store.runs import State
from engine.strings import figures
from engine.studies import track
from tests.browser.conftest import App
from tests.browser.screen import STILL, chart, picture

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow

# Seven pictures a class: within seconds they are known by heart.
ILL = {"train_share": 0.05, "dropout": 0.0, "resolution": 16, "width": 0.5, "learning_rate": 1e-2, "epochs": 40}


def card(page: "Page", words: str) -> None:
    """Wait until the card says something."""
    page.locator(".st-key-verdict", has_text=words).first.wait_for()


def test_the_first_prescription_is_pressed_trained_and_scored(page: "Page", app: App) -> None:
    ill = app.room.start(**ILL)
    assert app.room.ended(ill).summary["verdict"] == "overfitting"
    page.goto(f"{app.url}/?id={ill}")
    chart(page, "ended", ill)
    card(page, "Overfitting")
    page.locator(".st-key-remedies button").first.wait_for()
    picture(page, "playground-remedies")
    first = page.locator(".st-key-remedies button").first
    assert "Training data used: 10" in first.inner_text()
    assert first.get_attribute("data-testid") == "stBaseButton-primary"
    assert page.locator('.st-key-start [data-testid="stBaseButton-primary"]').count() == 0

    first.dblclick()
    page.wait_for_url(f"**id={ill + 1}*")
    child = ill + 1
    chart(page, "ended", child)
    card(page, f"“More pictures”, prescribed for run {ill}: validation accuracy")
    page.wait_for_selector(STILL)
    picture(page, "playground-remedy-scored")
    assert app.room.run(child).state is State.FINISHED
    assert [run.id for run in runs.listing(app.room.store)] == [child, ill], "a double press is one run"
    tried = advice.followed(app.room.store, child)[0]
    assert (tried.parent, tried.verdict, tried.prescription) == (ill, "overfitting", "more_data")
    score = track.score(tried)
    assert score is not None
    card(page, f"{figures.gain_points(score)} points")

    page.goto(f"{app.url}/run?id={child}&tab=verdict")
    page.locator(".st-key-evidence canvas, .st-key-evidence svg.marks").first.wait_for()
    card(page, "More pictures")
    picture(page, "run-verdict-evidence")
    assert page.locator('.st-key-evidence [data-testid="stVegaLiteChart"]').count() == 4
