"""Runs and show, as typed."""

import pytest

from engine.config import CONFIG_VERSION, RunConfig
from engine.store import queue, records, runs, transitions
from engine.store.records import Batch, Event
from engine.store.runs import New, State
from engine.store.transitions import MOST_CRASHES
from tests.commands.conftest import Athanor, Runs

# Sets the title, clears the screen, turns the text around, and pretends to be a line of its own.
EVIL = "evil\x1b]0;owned\x07\x1b[2J\x9b31m\u202e\n    9  finished"
OBEYED = ("\x1b", "\x07", "\x9b", "\u202e")
CRASH = {"key": "errors.worker_exited", "fields": {"code": 3}}


def test_runs_are_listed_by_state_and_number(athanor: Athanor, make: Runs) -> None:
    made = {state: make.in_state(state) for state in (State.FINISHED, State.FAILED, State.PAUSED, State.QUEUED)}
    listed = [row["id"] for row in athanor("runs", "--json").rows]
    assert listed == sorted(made.values(), reverse=True)
    assert [row["id"] for row in athanor("runs", "--limit", 2, "--json").rows] == listed[:2]
    some = athanor("runs", "--state", "finished", "failed", "--json").rows
    assert {row["state"] for row in some} == {"finished", "failed"}
    assert [row["id"] for row in athanor("runs", "--state", "failed", "--limit", 5, "--json").rows] == [made[State.FAILED]]
    assert athanor("runs", "--state", "lost").out == ""
    assert athanor("runs", "--limit", 0).out == ""


@pytest.mark.parametrize("words", [("--state", "asleep"), ("--state",), ("--limit", "-1"), ("--limit", "all")])
def test_unknown_states_and_counts_are_bad_input(athanor: Athanor, words: tuple[str, ...]) -> None:
    assert athanor("runs", *words).code == 2


def test_show_tells_attempts_with_their_reasons(athanor: Athanor, make: Runs) -> None:
    number = make.queued()
    for _ in range(MOST_CRASHES):
        transitions.crashed(make.store, make.begun(), State.FAILED, CRASH)
    told = athanor("show", number, "--json").facts
    assert [(one["number"], one["state"]) for one in told["attempts"]] == [(1, "failed"), (2, "failed"), (3, "failed")]
    assert all("exit code 3" in one["reason"] for one in told["attempts"])
    assert "exit code 3" in told["reason"]
    assert athanor("show", number).out.count("exit code 3") == 1 + MOST_CRASHES


def test_show_reads_out_what_lies_within_a_fact(athanor: Athanor, make: Runs) -> None:
    number = make.queued()
    weights = {"of": "run-3", "left": ["head.weight", "head.bias"], "epoch": 4}
    records.append(make.store, make.begun(number), Batch(summary={"weights": weights}))
    assert "of run-3, left head.weight, head.bias, epoch 4\n" in athanor("show", number).out


def test_show_names_what_was_not_taken_of_weights(athanor: Athanor, make: Runs) -> None:
    number = make.queued()
    left = {f"features.{place}.weight": "missing" for place in range(15)} | {"fc.weight": "classes"}
    records.append(make.store, make.begun(number), Batch(events=[Event(1, "weights", 0, 0, {"left": left}, 0.0)]))
    text = athanor("show", number).out
    assert "features.11.weight and 3 more" in text
    assert "Tells other classes apart: fc.weight" in text
    assert athanor("show", number, "--json").facts["not_taken"] == left


def test_show_tells_parents_children_and_place(athanor: Athanor, make: Runs) -> None:
    parent = make.in_state(State.FINISHED)
    first, child = make.queued(), make.queued(parent=parent)
    queue.set_priority(make.store, child, queue.HIGH)
    told = athanor("show", child, "--json").facts
    assert (told["parents"], told["children"], told["place"], told["priority"]) == ([parent], [], 1, "high")
    assert athanor("show", first, "--json").facts["place"] == 2
    above = athanor("show", parent, "--json").facts
    assert (above["children"], above["place"]) == ([child], None)
    text = athanor("show", child).out
    assert "place 1 in the queue, priority high" in text
    assert f"comes from run {parent}" in text
    assert f"runs that come from it: {child}" in athanor("show", parent).out
    assert runs.get(make.store, first).state is State.QUEUED


def evil(make: Runs) -> int:
    """A queued run whose name, summary and reason are made for a terminal."""
    number = runs.create(make.store, New(EVIL, RunConfig().model_dump(mode="json"), CONFIG_VERSION))
    claim = make.begun(number)
    records.append(make.store, claim, Batch(summary={"note": EVIL, EVIL: 1}))
    reason = {"key": "errors.crashed", "fields": {"type": EVIL, "message": EVIL}}
    assert transitions.crashed(make.store, claim, State.FAILED, reason)
    return number


def test_what_a_terminal_would_obey_is_never_printed(athanor: Athanor, make: Runs) -> None:
    number = evil(make)
    for words in (("runs",), ("queue",), ("show", number)):
        for more in ((), ("--json",)):
            out = athanor(*words, *more).out
            assert "evil" in out
            assert [code for code in OBEYED if code in out] == []
            assert not any(line.startswith("    9") for line in out.splitlines())
    assert athanor("runs", "--json").rows[0]["name"] == EVIL
