"""The list of what trains and what waits: there when it says something new, and every button changes the queue."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from engine.store import queue, runs
from engine.store.connect import Store
from engine.store.runs import State
from tests.pages.conftest import add_run, words

Open = Callable[..., AppTest]
TITLE = "Under way and waiting"


def line(store: Store) -> list[int]:
    return [run.id for run in queue.queued(store)]


@pytest.fixture
def three(store: Store) -> list[int]:
    """One that trains, and three that wait."""
    add_run(store, State.RUNNING)
    return [add_run(store, State.QUEUED, seed=seed) for seed in (1, 2, 3)]


@pytest.mark.parametrize("state", [State.FINISHED, State.RUNNING, State.QUEUED, State.PAUSED])
def test_a_plain_run_has_no_list(open_page: Open, store: Store, state: State) -> None:
    add_run(store, state)
    assert TITLE not in words(open_page("playground", id="1"))


def test_what_trains_elsewhere_is_listed(open_page: Open, store: Store) -> None:
    add_run(store, State.FINISHED)
    add_run(store, State.RUNNING)
    page = open_page("playground", id="1")
    assert TITLE in words(page)
    assert page.button(key="line-2").label == "Run 2 :green[running]"
    page.button(key="line-2").click().run()
    assert page.query_params["id"] == "2"


def test_runs_are_moved(open_page: Open, store: Store, three: list[int]) -> None:
    page = open_page("playground", id="1")
    assert page.button(key="line-up-2").disabled, "the next cannot be earlier"
    assert page.button(key="line-down-4").disabled
    page.button(key="line-down-2").click().run()
    assert line(store) == [3, 2, 4]
    page.button(key="line-up-4").click().run()
    assert line(store) == [3, 4, 2]
    page.menu_button(key="line-menu-2").set_value("first").run()
    assert line(store) == [2, 3, 4]
    page.menu_button(key="line-menu-2").set_value("last").run()
    assert line(store) == [3, 4, 2]


def test_a_priority_is_given_and_said(open_page: Open, store: Store, three: list[int]) -> None:
    page = open_page("playground", id="1")
    page.menu_button(key="line-menu-4").set_value("priority-high").run()
    assert line(store) == [4, 2, 3]
    assert "high priority" in page.button(key="line-4").label
    assert page.button(key="line-down-4").disabled, "nobody of its priority is behind it"


def test_waiting_and_training_runs_are_paused_and_stopped(open_page: Open, store: Store, three: list[int]) -> None:
    page = open_page("playground", id="1")
    page.menu_button(key="line-menu-2").set_value("pause").run()
    page.menu_button(key="line-menu-3").set_value("stop").run()
    assert [runs.get(store, number).state for number in three] == [State.PAUSED, State.STOPPED, State.QUEUED]
    page.button(key="line-resume-2").click().run()
    assert line(store) == [2, 4]
    page.button(key="line-stop-1").click().run()
    assert "topping" in page.button(key="line-1").label


def test_a_run_that_began_meanwhile_cannot_be_moved_and_says_so(open_page: Open, store: Store, three: list[int]) -> None:
    page = open_page("playground", id="1")
    with store.write() as connection:
        connection.execute(runs.runs.update().where(runs.runs.c.id == 3).values(state="finished"))
    page.button(key="line-up-3").click().run()
    assert any("not in the queue" in toast.value for toast in page.toast)


def test_a_long_line_is_counted(open_page: Open, store: Store) -> None:
    for seed in range(12):
        add_run(store, State.QUEUED, seed=seed)
    page = open_page("playground")
    assert "… and 4 more" in words(page)
