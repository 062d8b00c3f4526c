"""Comparing in a real browser: choose rows, group, queue missing seeds, follow a link, delete after being asked."""

from typing import TYPE_CHECKING

import pytest

from engine.store import runs
from engine.store.runs import State
from tests.browser.conftest import App
from tests.browser.screen import STILL, picture
from tests.engine_room import SMALL
from tests.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Page

# Pixels of a row and of the heading; the middle of the mark before a row.
ROW, HEAD, MARK = 36, 32, 16


@pytest.fixture(scope="module")
def trained(app: App) -> list[int]:
    """Two recipes: one of two seeds, one of one."""
    numbers = [app.room.start(dropout=0.0, seed=0), app.room.start(dropout=0.0, seed=1), app.room.start(dropout=0.5, seed=0)]
    assert {app.room.ended(number).state for number in numbers} == {State.FINISHED}
    return numbers


def press_row(page: "Page", key: str, place: int) -> None:
    """Mark a row, or take its mark away; the table is a picture, so it is hit by its place: nothing may move now."""
    page.wait_for_selector(STILL)
    page.locator(f".st-key-{key} .dvn-scroller").first.click(position={"x": MARK, "y": HEAD + ROW * place + ROW / 2})


def chosen(page: "Page", numbers: str) -> None:
    """Wait until the address names these runs."""
    page.wait_for_function("wanted => new URL(location).searchParams.get('runs') === wanted", arg=numbers)


def said(page: "Page", words: str) -> None:
    page.locator(".st-key-sentence", has_text=words).first.wait_for()


@pytest.mark.slow
def test_from_two_rows_to_more_seeds_and_a_link(page: "Page", app: App, trained: list[int]) -> None:
    page.goto(f"{app.url}/compare")
    chosen(page, "3,2")
    said(page, "One run each is no evidence either way")
    page.wait_for_selector(".st-key-runs-table-rows canvas")
    press_row(page, "runs-table-rows", 1)
    chosen(page, "3")
    press_row(page, "runs-table-rows", 2)
    chosen(page, "3,1")
    page.locator(".st-key-by-recipe label").first.click()
    said(page, "One seed on one side")
    page.click(".st-key-queue-seeds button")
    until(lambda: len(runs.listing(app.room.store)) == 6)
    for run in runs.listing(app.room.store):
        assert app.room.ended(run.id).state is State.FINISHED
    assert sorted((run.knobs["dropout"], run.knobs["seed"]) for run in runs.listing(app.room.store)) == [
        (dropout, seed) for dropout in (0.0, 0.5) for seed in range(3)
    ]
    said(page, "3 paired seeds")
    page.wait_for_selector(STILL)
    picture(page, "compare-recipes")
    link = page.url
    other = page.context.new_page()
    other.goto(link)
    said(other, "3 paired seeds")
    assert other.url == link


@pytest.mark.slow
def test_runs_are_deleted_after_being_asked(page: "Page", app: App, trained: list[int]) -> None:
    number = app.room.start(**SMALL | {"dropout": 0.7})
    app.room.ended(number)
    page.goto(f"{app.url}/compare?runs={number}")
    for answer, left in (("delete-no", True), ("delete-yes", False)):
        page.click(".st-key-delete button")
        page.click(f".st-key-{answer} button")
        page.wait_for_selector("[role=dialog]", state="detached")
        assert (number in {run.id for run in runs.listing(app.room.store)}) is left
    page.wait_for_function("!new URL(location).searchParams.has('runs')")
