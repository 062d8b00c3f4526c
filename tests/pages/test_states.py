"""A run in each state on the Playground: its word, its reason, its buttons; never a button that cannot work."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from engine import __version__
from engine.jobs.identity import identify
from engine.jobs.terms import SUPERVISOR
from engine.store import attempts, records, runs, transitions
from engine.store.connect import Store
from engine.store.records import PAUSE, STOP
from engine.store.runs import State
from tests.pages.conftest import add_run, claimed, crash, read, train

Open = Callable[..., AppTest]
TRANSPORT = ("start", "pause", "resume", "retry", "stop")


def buttons(page: AppTest) -> dict[str, str]:
    """The transport: what each button says; those that cannot be pressed in brackets."""
    found = {button.key: button for button in page.button if button.key in TRANSPORT}
    return {key: f"({found[key].label})" if found[key].disabled else found[key].label for key in TRANSPORT if key in found}


def bright(page: AppTest) -> list[str]:
    return [str(button.key) for button in page.button if button.proto.type == "primary"]


@pytest.mark.parametrize(
    ("state", "transport", "said"),
    [
        (State.QUEUED, {"start": "(Start)", "pause": "Pause", "stop": "Stop"}, ["gray-badge[waiting]", "next in the queue"]),
        (State.STARTING, {"start": "(Running)", "pause": "Pause", "stop": "Stop"}, ["gray-badge[starting]"]),
        (State.RUNNING, {"start": "(Running)", "pause": "Pause", "stop": "Stop"}, ["green-badge[running]", "4.2\u00a0s gone", "61,706"]),
        (State.PAUSED, {"start": "Start", "resume": "Resume", "stop": "Stop"}, ["gray-badge[paused]", "very step", "paused after 4.2"]),
        (State.STOPPED, {"start": "Start", "retry": "Retry", "stop": "(Stop)"}, ["orange-badge[stopped]", "Stopped by hand."]),
        (State.FAILED, {"start": "Start", "retry": "Retry", "stop": "(Stop)"}, ["red-badge[failed]", ":red[**", "exit code 3"]),
        (State.OUT_OF_MEMORY, {"start": "Start", "retry": "Retry", "stop": "(Stop)"}, ["red-badge[out of memory]", "Memory ran out"]),
        (State.DIVERGED, {"start": "Start", "retry": "Retry", "stop": "(Stop)"}, ["red-badge[diverged]", "ten times lower"]),
        (State.LOST, {"start": "Start", "retry": "Retry", "stop": "(Stop)"}, ["red-badge[lost]", "no exit code"]),
        (State.FINISHED, {"start": "Start", "pause": "(Pause)", "stop": "(Stop)"}, ["gray-badge[finished]", "finished after 4.2"]),
    ],
)
def test_a_state_has_its_words_and_its_buttons(
    open_page: Open, store: Store, state: State, transport: dict[str, str], said: list[str]
) -> None:
    number = add_run(store, state)
    page = open_page("playground", id=str(number))
    assert buttons(page) == transport
    assert [sentence for sentence in said if sentence not in read(page)] == []
    assert len(bright(page)) == 1
    assert "attempt" not in read(page)


@pytest.mark.slow
@pytest.mark.parametrize("state", list(State))
def test_every_state_can_be_read_in_chinese(open_page: Open, store: Store, state: State) -> None:
    page = open_page("playground", id=str(add_run(store, state)), lang="zh")
    assert "运行 1" in read(page)


def test_a_run_that_crashed_says_why_and_that_it_will_be_tried_again(open_page: Open, store: Store) -> None:
    number = add_run(store, State.QUEUED)
    crash(store, number)
    page = open_page("playground", id=str(number))
    assert "Attempt 1 crashed: The training process was killed (Killed)." in read(page)
    assert "It will be tried again." in read(page)
    assert buttons(page) == {"start": "(Start)", "pause": "Pause", "stop": "Stop"}
    train(store, claimed(store, number))
    page.run()
    assert "Run 1, attempt 2" in read(page)
    assert "crashed" not in read(page)


@pytest.mark.parametrize(
    ("command", "transport", "said"),
    [
        (PAUSE, {"start": "(Running)", "pause": "(Pausing…)", "stop": "Stop"}, "gray-badge[pausing…]"),
        (STOP, {"start": "(Running)", "pause": "(Pause)", "stop": "(Stopping…)"}, "gray-badge[stopping…]"),
    ],
)
def test_what_was_asked_shows_at_once(open_page: Open, store: Store, command: str, transport: dict[str, str], said: str) -> None:
    number = add_run(store, State.RUNNING)
    page = open_page("playground", id=str(number))
    page.button(key=command).click().run()
    assert buttons(page) == transport
    assert said in read(page).lower()


def test_a_run_that_does_not_get_on_says_so_and_what_to_do(open_page: Open, store: Store) -> None:
    number = add_run(store, State.QUEUED)
    train(store, claimed(store, number), idle=75.0)
    shown = read(open_page("playground", id=str(number)))
    assert "orange-badge[stalled]" in shown
    assert "No step for 1:1" in shown
    assert "Retry" in shown


def test_pause_resume_stop_and_retry_change_the_run(open_page: Open, store: Store) -> None:
    number = add_run(store, State.QUEUED)
    page = open_page("playground", id=str(number))
    for key, state in (("pause", State.PAUSED), ("resume", State.QUEUED), ("stop", State.STOPPED), ("retry", State.QUEUED)):
        page.button(key=key).click().run()
        assert runs.get(store, number).state is state
        assert not page.toast


def test_a_press_that_comes_too_late_is_answered_in_read(open_page: Open, store: Store) -> None:
    number = add_run(store, State.PAUSED)
    page = open_page("playground", id=str(number))
    transitions.stop_waiting(store, number)
    page.button(key="resume").click().run()
    assert any("not paused" in toast.value for toast in page.toast)
    assert "retry" in buttons(page)


def test_out_of_memory_is_a_press_away_from_a_smaller_run(open_page: Open, store: Store) -> None:
    number = add_run(store, State.OUT_OF_MEMORY, batch_size=128, resolution=64)
    page = open_page("playground", id=str(number))
    assert [page.button(key=f"try-{knob}").label for knob in ("batch_size", "resolution")] == ["Try batch 64", "Try resolution 48 px"]
    assert bright(page) == ["try-batch_size"]
    page.button(key="try-batch_size").click().run()
    assert page.query_params["id"] == "2"
    child = runs.get(store, 2)
    assert (child.knobs["batch_size"], child.knobs["resolution"], child.state) == (64, 64, State.QUEUED)
    assert page.session_state["knob-batch_size"] == 64
    assert runs.parents(store, 2) == [number]


def test_the_smallest_run_is_offered_nothing_smaller(open_page: Open, store: Store) -> None:
    number = add_run(store, State.OUT_OF_MEMORY, batch_size=2, resolution=8, architecture="resnet18")
    page = open_page("playground", id=str(number))
    assert not [button for button in page.button if str(button.key).startswith("try-")]
    assert bright(page) == ["start"]
    assert any("even with batch 2 at resolution 8" in each.value for each in page.markdown)


def test_the_same_settings_are_not_started_twice_at_once(open_page: Open, store: Store) -> None:
    attempts.announce(store, SUPERVISOR, __version__, identify())  # nothing is said of an engine that is missing
    add_run(store, State.RUNNING)
    page = open_page("playground", id="1", **{"all-knobs": "true"})
    assert "Run 1 has just these settings" in page.button(key="start").help
    page.number_input(key="knob-seed").set_value(7).run()
    assert buttons(page)["start"] == "Queue"
    page.button(key="start").click().run()
    assert [run.state for run in runs.listing(store)] == [State.QUEUED, State.RUNNING]
    assert page.query_params["id"] == "2"
    assert "next in the queue" in read(page)
    assert buttons(page)["start"] == "(Start)"


def test_a_change_from_elsewhere_is_followed(open_page: Open, store: Store) -> None:
    number = add_run(store, State.STOPPED)
    page = open_page("playground", id=str(number))
    transitions.retry(store, number)
    page.run()
    assert buttons(page) == {"start": "(Start)", "pause": "Pause", "stop": "Stop"}
    claim = claimed(store, number)
    train(store, claim)
    records.command(store, number, STOP)
    page.run()
    assert buttons(page)["stop"] == "(Stopping…)"
