"""Stop, pause, resume, retry and the queue, as typed. None of these runs has a process."""

import pytest

from engine.store import records, runs
from engine.store.connect import Store
from engine.store.runs import FAULTS, State
from tests.commands.conftest import Athanor, Runs


def state_of(store: Store, number: int) -> State:
    return runs.get(store, number).state


@pytest.mark.parametrize(
    ("act", "state", "after", "said"),
    [
        ("stop", State.QUEUED, State.STOPPED, "is stopped"),
        ("stop", State.PAUSED, State.STOPPED, "is stopped"),
        ("stop", State.RUNNING, State.RUNNING, "will stop after its current step"),
        ("stop", State.FINISHED, State.FINISHED, "had ended already: finished"),
        ("pause", State.QUEUED, State.PAUSED, "is paused before it starts"),
        ("pause", State.RUNNING, State.RUNNING, "will pause after its current step"),
        ("pause", State.PAUSED, State.PAUSED, "is paused already"),
        ("resume", State.PAUSED, State.QUEUED, "has no checkpoint and begins anew"),
        ("step", State.PAUSED, State.QUEUED, "for one epoch; then it pauses again"),
        ("step", State.RUNNING, State.RUNNING, "will pause at the end of its epoch"),
        ("retry", State.FAILED, State.QUEUED, "has no checkpoint and begins anew"),
        ("retry", State.STOPPED, State.QUEUED, "has no checkpoint and begins anew"),
    ],
)
def test_what_is_asked_is_done_and_said(athanor: Athanor, make: Runs, act: str, state: State, after: State, said: str) -> None:
    number = make.in_state(state)
    done = athanor(act, number)
    assert (done.code, done.err) == (0, "")
    assert said in done.out
    assert state_of(make.store, number) is after


@pytest.mark.parametrize(
    ("act", "state", "said"),
    [
        *(("pause", state, f"has ended ({state})") for state in State if state.ended),
        *(("resume", state, f"not paused but {state}") for state in State if state not in (State.PAUSED, State.STARTING)),
        *(("step", state, f"not paused but {state}") for state in (State.QUEUED, State.FINISHED, State.FAILED)),
        *(("retry", state, f"is {state}") for state in (State.QUEUED, State.RUNNING, State.PAUSED, State.FINISHED)),
    ],
)
def test_what_cannot_be_done_ends_with_two_and_changes_nothing(athanor: Athanor, make: Runs, act: str, state: State, said: str) -> None:
    number = make.in_state(state)
    before = runs.get(make.store, number)
    done = athanor(act, number)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert runs.get(make.store, number) == before


@pytest.mark.parametrize("act", ["stop", "pause", "resume", "step", "retry", "files", "log", "show"])
def test_a_run_that_is_not_there_is_named(athanor: Athanor, act: str) -> None:
    done = athanor(act, 99)
    assert (done.code, done.out) == (2, "")
    assert "no run 99" in done.err


def test_a_run_goes_on_from_its_last_checkpoint_and_says_so(athanor: Athanor, make: Runs) -> None:
    number = make.in_state(State.PAUSED, epochs=7)
    assert f"Run {number} is queued; it goes on from epoch 7, step 70." in athanor("resume", number).out


@pytest.mark.parametrize("state", FAULTS)
def test_a_run_that_went_wrong_is_tried_again_from_there(athanor: Athanor, make: Runs, state: State) -> None:
    numbers = make.in_state(state, epochs=3), make.in_state(state)
    assert "goes on from epoch 3, step 30" in athanor("retry", numbers[0]).out
    assert athanor("retry", numbers[1], "--json").facts == {"id": numbers[1], "state": "queued"}
    assert runs.get(make.store, numbers[0]).reason is None


def test_a_worker_hears_what_it_is_asked(athanor: Athanor, make: Runs) -> None:
    make.queued()
    claim = make.begun()
    assert athanor("pause", claim.run, "--json").facts == {"id": claim.run, "state": "running"}
    athanor("stop", claim.run)
    assert records.asked(make.store, claim) == {"pause", "stop"}


def test_the_queue_lists_what_runs_and_what_waits_in_order(athanor: Athanor, make: Runs) -> None:
    running = make.in_state(State.RUNNING)
    paused = make.in_state(State.PAUSED)
    make.in_state(State.FINISHED)
    waiting = [make.queued(), make.queued()]
    rows = athanor("queue", waiting[1], "--first", "--json").rows
    assert [(row["id"], row["state"], row["place"]) for row in rows] == [
        (running, "running", None), (waiting[1], "queued", 1), (waiting[0], "queued", 2), (paused, "paused", None),
    ]  # fmt: skip
    text = athanor("queue").out.splitlines()
    assert [line.split()[:2] for line in text[1:3]] == [["1", str(waiting[1])], ["2", str(waiting[0])]]


@pytest.mark.parametrize(
    ("words", "after"),
    [
        (("--first",), [3, 1, 2, 4]),
        (("--up",), [1, 3, 2, 4]),
        (("--down",), [1, 2, 4, 3]),
        (("--last",), [1, 2, 4, 3]),
        (("--priority", "high"), [3, 1, 2, 4]),
        (("--priority", "low"), [1, 2, 4, 3]),
        (("--priority", "high", "--last"), [3, 1, 2, 4]),
    ],
)
def test_a_run_is_moved_in_the_queue(athanor: Athanor, make: Runs, words: tuple[str, ...], after: list[int]) -> None:
    make.queued(4)
    assert [row["id"] for row in athanor("queue", 3, *words, "--json").rows] == after


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--first",), "Which run"),
        (("--priority", "high"), "Which run"),
        (("1",), "Where is run 1 to go"),
        (("99", "--first"), "no run 99"),
        (("2", "--first"), "2 is not in the queue"),
        (("1", "--first", "--last"), "not allowed with"),
        (("1", "--priority", "urgent"), "urgent"),
        (("x",), "x is not the number of a run"),
    ],
)
def test_what_cannot_be_moved_is_told(athanor: Athanor, make: Runs, words: tuple[str, ...], said: str) -> None:
    make.queued(1)
    assert make.in_state(State.RUNNING) == 2
    done = athanor("queue", *words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
