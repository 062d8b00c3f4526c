"""What a page says of its surroundings: the engine, the store, the form before a launch, runs that are no more."""

import os
from collections.abc import Callable

import pytest
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
    assert "no run 1: it was deleted" in read(page)
    assert "id" not in page.query_params
    assert not page.run().toast, "once is enough"


def asked(store: Store, kind: str) -> str:
    """The key of the question of this kind that the page has asked."""
    while (question := requests.take(store)) is not None:
        if question.kind == kind:
            return question.key
    raise AssertionError(f"no {kind} was asked")


def test_what_the_servant_says_of_the_form_stands_in_its_places(open_page: Open, store: Store) -> None:
    page = open_page("playground")
    assert "images/s" not in read(page)
    assert "Measuring memory and speed" in read(page)
    speed = {"expected": 7_912.4, "seconds": 6.04}
    requests.finish(store, asked(store, "probe"), {"memory": {"peak": 180_400_000, "free": 2**33}, "speed": speed, "beside": 0})
    page.run()
    assert "180\u00a0MB, 7,912 images/s, done in 6.0\u00a0s" in read(page)
    page.select_slider(key="knob-epochs").set_value(50).run()
    assert "images/s" not in read(page)


def test_the_size_of_the_network_stands_under_it(open_page: Open, store: Store) -> None:
    page = open_page("playground")
    requests.finish(store, asked(store, "facts"), {"parameters": 61_706, "flops": 1_234_000, "separable": True, "drawn": None})
    page.run()
    assert "61,706 parameters · 1.23\u00a0MFLOP a picture" in read(page)


@pytest.mark.parametrize(("separable", "rotation", "said"), [(True, 0, "once"), (False, 0, "inside"), (True, 10, "augmentation")])
def test_where_layers_are_frozen_it_is_said_how_often_they_are_asked(
    open_page: Open, store: Store, separable: bool, rotation: int, said: str
) -> None:
    page = open_page("playground", **{"knob-frozen_layers": "2", "knob-rotation": str(rotation)})
    requests.finish(store, asked(store, "facts"), {"parameters": 61_706, "flops": 1_234_000, "separable": separable, "drawn": None})
    page.run()
    assert strings.say(f"ui.stages.{said}") in read(page)


@pytest.mark.parametrize(
    ("knobs", "random"), [({"plan": "last"}, True), ({"frozen_layers": "2"}, True), ({"plan": "last_then_all"}, False), ({}, False)]
)
def test_what_is_frozen_without_weights_is_said_to_stay_random(open_page: Open, knobs: dict[str, str], random: bool) -> None:
    given = {f"knob-{name}": value for name, value in ({"architecture": "efficientnet_lite0"} | knobs).items()}
    assert (strings.say("ui.stages.random") in read(open_page("playground", **given))) is random
    assert strings.say("ui.stages.random") not in read(open_page("playground", **given, **{"knob-weights": "imagenet"}))


def test_a_layer_that_is_random_in_the_first_stage_is_said(open_page: Open, store: Store) -> None:
    page = open_page("playground", **{"knob-architecture": "resnet18", "knob-weights": "imagenet", "knob-plan": "last_then_all"})
    requests.finish(store, asked(store, "facts"), {"parameters": 61_706, "flops": 1_234_000, "separable": True, "drawn": 1})
    page.run()
    assert "do not fit layer 1 here" in read(page)


def test_how_long_all_layers_take_is_not_told_of_a_run_that_freezes_some(open_page: Open, store: Store) -> None:
    for plan, told in (("all", True), ("last_then_all", False)):
        page = open_page("playground", **{"knob-plan": plan})
        found = {"memory": {"peak": 1e8, "free": 1e9}, "speed": {"expected": 120.0, "seconds": 90.0}, "beside": 0}
        requests.finish(store, asked(store, "probe"), found)
        page.run()
        assert "images/s" in read(page)
        assert ("images/s, done in" in read(page)) is told


def test_a_plan_that_the_network_has_no_layers_for_says_so_before_the_start(open_page: Open, store: Store) -> None:
    page = open_page("playground", **{"knob-frozen_layers": "5"})
    assert "does not go with a network of 5 layers; allowed: 0 .. 4" in read(page)
    assert page.button(key="start").disabled
    page = open_page(
        "playground", **{"knob-architecture": "vgg11", "knob-resolution": "32", "knob-layers_less": "2", "knob-frozen_layers": "9"}
    )
    assert not page.button(key="start").disabled, "of a variant only the servant knows"
    reason = {"key": "errors.no_such_layer", "fields": {"knob": "frozen_layers", "value": 9, "allowed": "0 .. 7", "layers": 8}}
    requests.fail(store, asked(store, "facts"), reason)
    page.run()
    assert "does not go with a network of 8 layers" in read(page)
    assert page.button(key="start").disabled
    assert "does not go with a network of 8 layers" in page.button(key="start").help.replace("\\", "")
    page.select_slider(key="knob-epochs").set_value(5).run()
    assert page.button(key="start").disabled, "of such a network no epochs help"
    page.select_slider(key="knob-resolution").set_value(64).run()
    assert not page.button(key="start").disabled, "of this form nothing is known yet"


@pytest.mark.parametrize(("largest", "said"), [(32, "The largest batch that fits: 32."), (0, "no batch fits")])
def test_what_does_not_fit_is_said_before_the_start(open_page: Open, store: Store, largest: int, said: str) -> None:
    page = open_page("playground")
    memory = {"peak": 180_400_000, "free": 100_000_000, "largest_batch": largest}
    requests.finish(store, asked(store, "probe"), {"memory": memory, "speed": None, "beside": 0})
    page.run()
    assert "This takes 180\u00a0MB of memory and 100\u00a0MB are free" in read(page)
    assert said in read(page)


def test_a_form_that_cannot_be_measured_says_why_and_no_more(open_page: Open, store: Store) -> None:
    page = open_page("playground").run()
    requests.fail(store, asked(store, "probe"), {"key": "servant.died", "fields": {}})
    page.run()
    assert strings.say("servant.died")[:20] in read(page)
    assert not page.error
