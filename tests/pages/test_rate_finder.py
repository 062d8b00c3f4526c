"""The range test on the page: nothing is asked before the button, then its curve, and a rate to take over."""

from collections.abc import Callable
from typing import Any

from streamlit.testing.v1 import AppTest

from engine.store import requests
from engine.store.connect import Store
from pages.components import charts
from pages.components.words import plain
from tests.pages.conftest import words

Open = Callable[..., AppTest]
FOUND: dict[str, Any] = {
    "rates": [1e-4, 1e-3, 1e-2, 1e-1],
    "losses": [2.3, 2.0, 1.2, 9.0],
    "smoothed": [2.3, 2.0, 1.5, 6.0],
    "suggested": 0.0031,
    "lowest": 0.01,
}


def kinds(store: Store) -> dict[str, str]:
    """Open questions: kind -> key."""
    found = {}
    while (question := requests.take(store)) is not None:
        found[question.kind] = question.key
    return found


def open_ranges(store: Store) -> dict[str, dict[str, Any]]:
    """Open range tests: key -> what is asked."""
    found = {}
    while (question := requests.take(store)) is not None:
        if question.kind == "range":
            found[question.key] = question.payload
    return found


def test_a_range_test_is_asked_for_by_the_button_alone_and_its_rate_taken_with_one_click(open_page: Open, store: Store) -> None:
    page = open_page("playground")
    assert "range" not in kinds(store)
    page.button(key="range-test").click().run()
    asked = kinds(store)
    assert "up to 150 steps" in words(page)
    requests.finish(store, asked["range"], FOUND)
    page.run()
    assert page.button(key="range-take").label == plain("Take 0.0031")
    page.button(key="range-take").click().run()
    assert page.session_state["knob-learning_rate"] == 0.0031
    assert page.button(key="range-take").disabled
    assert not page.exception


def test_of_two_stages_each_has_a_test_and_a_rate_of_its_own(open_page: Open, store: Store) -> None:
    page = open_page("playground", **{"knob-plan": "last_then_all"})
    page.button(key="range-test").click().run()
    first = open_ranges(store)
    assert [one["stage"] for one in first.values()] == [1]
    requests.finish(store, *first, FOUND)
    page.run()
    page.button(key="range-take").click().run()
    assert page.session_state["knob-stage1_rate"] == 0.0031
    assert page.session_state["knob-learning_rate"] == 1e-3
    page.segmented_control(key="range-stage").set_value("2").run()
    assert "before stage 1" in words(page)
    page.button(key="range-test").click().run()
    second = open_ranges(store)
    assert [one["stage"] for one in second.values()] == [2]
    requests.finish(store, *second, FOUND | {"suggested": 0.00042})
    page.run()
    page.button(key="range-take").click().run()
    assert (page.session_state["knob-learning_rate"], page.session_state["knob-stage1_rate"]) == (0.00042, 0.0031)
    page.segmented_control(key="range-stage").set_value("1").run()
    assert page.button(key="range-take").disabled, "what was found of the first stage still stands"
    assert not page.exception


def test_where_no_rate_helped_none_is_offered(open_page: Open, store: Store) -> None:
    page = open_page("playground")
    page.button(key="range-test").click().run()
    requests.finish(store, kinds(store)["range"], {**FOUND, "suggested": None})
    page.run()
    assert "nothing is suggested" in words(page)
    assert not [button for button in page.button if button.key == "range-take"]


def test_another_network_is_another_question(open_page: Open, store: Store) -> None:
    page = open_page("playground")
    page.button(key="range-test").click().run()
    requests.finish(store, kinds(store)["range"], FOUND)
    page.run()
    page.select_slider(key="knob-dropout").set_value(0.5).run()
    assert [button.key for button in page.button if button.key == "range-test"]


def test_a_loss_that_explodes_is_not_drawn() -> None:
    rows = charts.range_rows(FOUND["rates"], FOUND["losses"], FOUND["smoothed"])
    assert rows[1] == {"rate": 1e-3, "loss": 2.0, "mean": 2.0}
    assert rows[3] == {"rate": 1e-1, "loss": None, "mean": None}
