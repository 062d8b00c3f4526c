"""What a page says of its surroundings: the engine, the store, the form before a launch, runs that are no more."""

import os
from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from engine import strings
from engine.jobs.identity import identify
from engine.jobs.lease import Lease
from engine.store import damage, deletion, requests, runs
from engine.store.connect import Store
from engine.store.runs import State
from tests.pages.conftest import SHELL, add_run, read

Open = Callable[..., AppTest]


def test_an_engine_that_cannot_be_started_is_told_and_the_rest_stays_readable(store: Store) -> None:
    add_run(store, State.RUNNING)
    store.home.supervisor_log.mkdir()  # what no process can write its log to
    page = AppTest.from_file(SHELL, default_timeout=20)
    page.query_params["id"] = "1"
    page.run()
    assert not page.exception
    assert "The engine is not running and cannot be started: [Errno 21]" in read(page)
    assert page.metric[0].value == "0.330"
    assert not page.button(key="stop").disabled
    page.button(key="stop").click().run()
    assert not page.exception


def test_an_engine_that_serves_another_store_is_named_on_the_page_and_at_the_press(open_page: Open, store: Store) -> None:
    other = Lease(identity=identify(), place="postgresql+psycopg://db.lan/team", mark="another", roots=[])
    page = open_page("playground")
    store.home.lock.write_text(other.model_dump_json())
    page.button(key="start").click().run()
    assert not page.exception
    assert "serves another store, postgresql+psycopg://db.lan/team" in read(page)
    assert runs.listing(store) == []
    add_run(store, State.QUEUED)
    page = open_page("playground", id="1")
    assert "serves another store, postgresql+psycopg://db.lan/team" in read(page)


def test_an_engine_that_nobody_needs_is_not_missed(open_page: Open, store: Store) -> None:
    add_run(store, State.PAUSED)
    page = open_page("playground", id="1")
    assert "Starting the engine" not in read(page)


def test_an_engine_that_has_only_just_gone_is_not_mentioned(open_page: Open, store: Store, listener: int) -> None:
    add_run(store, State.QUEUED)
    page = open_page("playground", id="1")
    assert "Starting the engine" not in read(page)
    assert os.read(listener, 10), "it was not woken"
    page.session_state["engine-absent-since"] -= 3.0
    page.run()
    assert "Starting the engine; a run under way goes on meanwhile." in read(page)
    page.session_state["engine-absent-since"] -= 60.0
    page.run()
    assert "supervisor.log says why" in read(page)


def test_a_store_that_was_set_aside_is_told_until_it_was_read(open_page: Open, store: Store) -> None:
    with store.write() as connection:
        damage.tell(connection, "errors.store_set_aside", file="athanor.db.damaged-1", restored=12, lost=1)
    page = open_page("compare")
    assert "athanor.db.damaged-1" in read(page)
    page = open_page("playground")
    page.button(key="notice-read").click().run()
    assert "athanor.db.damaged-1" not in read(page)
    assert damage.notice(store) is None


def test_deleted_runs_leave_the_comparison_with_a_sentence(open_page: Open, store: Store) -> None:
    for seed in (1, 2, 3):
        add_run(store, State.FINISHED, seed=seed)
    deletion.delete(store, [2])
    page = open_page("compare", runs="1,2")
    assert "taken out of the comparison: run 2." in read(page)
    assert page.query_params["runs"] == "1"


def test_the_run_on_the_screen_may_be_deleted(open_page: Open, store: Store) -> None:
    add_run(store, State.FINISHED)
    page = open_page("playground", id="1")
    deletion.delete(store, [1])
    page.run()
    assert not page.exception
    assert "no run 1" in read(page)


def test_what_the_servant_measured_stands_under_the_form(open_page: Open, store: Store) -> None:
    page = open_page("playground")
    assert requests.take(store) is None, "asked while the form may still be changing"
    page.run()
    question = requests.take(store)
    assert question is not None and question.kind == "probe"
    assert "images/s" not in read(page)
    memory = {"peak": 180_400_000, "free": 100_000_000, "largest_batch": 32}
    found = {"parameters": 61_706, "flops": 1_234_000, "memory": memory, "speed": {"expected": 7_912.4, "seconds": 6.04}, "beside": 0}
    requests.finish(store, question.key, found)
    page.run()
    assert "61,706 parameters · 1.23\u00a0MFLOP a picture" in read(page)
    assert "180\u00a0MB of memory · 7,912 images/s · done in about 6.0\u00a0s" in read(page)
    assert "The largest batch that fits: 32." in read(page)
    page.select_slider(key="knob-epochs").set_value(50).run()
    assert "images/s" not in read(page)


def test_a_form_that_cannot_be_measured_says_why_and_no_more(open_page: Open, store: Store) -> None:
    page = open_page("playground").run()
    question = requests.take(store)
    assert question is not None
    assert "Measuring memory and speed" in read(page)
    requests.fail(store, question.key, {"key": "servant.died", "fields": {}})
    page.run()
    assert strings.say("servant.died")[:20] in read(page)
    assert not page.warning
    assert not page.error
