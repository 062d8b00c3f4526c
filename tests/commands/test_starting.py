"""What somebody who waits for a run hears, and the priority given at the start. No worker runs here."""

import threading

import pytest

from engine.commands.starting import turn
from engine.store import runs, transitions
from engine.store.runs import Run, State
from tests.commands.conftest import Athanor, Runs
from tests.waiting import until

CRASH = {"key": "errors.worker_exited", "fields": {"code": 3}}


def looks(make: Runs, *acts: object) -> list[Run]:
    """The run as it is seen before and after each act."""
    number = make.queued()
    claim, seen = make.begun(number), [runs.get(make.store, number)]
    for act in acts:
        act(claim)  # type: ignore[operator]
        seen.append(runs.get(make.store, number))
    return seen


def said(seen: list[Run]) -> list[str]:
    return [text for before, now in zip(seen, seen[1:], strict=False) if (text := turn(before, now))]


def test_a_pause_is_said_once(make: Runs) -> None:
    seen = looks(make, lambda claim: transitions.end(make.store, claim, State.PAUSED), lambda _: None, lambda _: None)
    assert said(seen) == [f"Run {seen[0].id} is paused. It goes on after: python -m engine resume {seen[0].id}"]


def test_a_crash_that_is_tried_again_is_said_with_its_reason(make: Runs) -> None:
    seen = looks(make, lambda claim: transitions.crashed(make.store, claim, State.FAILED, CRASH), lambda _: make.begun())
    assert len(said(seen)) == 1
    assert "attempt 1 went wrong: The training process ended by itself with exit code 3" in said(seen)[0]


def test_an_end_and_a_step_are_not_news(make: Runs) -> None:
    seen = looks(make, lambda claim: make.checkpoint(claim, 1), lambda claim: transitions.end(make.store, claim, State.FAILED, CRASH))
    assert said(seen) == []


@pytest.mark.parametrize(("priority", "order"), [("high", [2, 1]), ("normal", [1, 2]), ("low", [1, 2])])
def test_a_run_is_queued_with_its_priority(athanor: Athanor, make: Runs, priority: str, order: list[int]) -> None:
    make.queued()
    done = athanor("train", "--epochs", 2, "--priority", priority, "--json")
    assert (done.code, done.facts) == (0, {"id": 2})
    assert [row["id"] for row in athanor("queue", "--json").rows] == order
    assert athanor("queue", "--json").rows[order.index(2)]["priority"] == priority


def test_waiting_outlasts_a_crash_and_a_pause(athanor: Athanor, make: Runs) -> None:
    def others() -> None:
        until(lambda: runs.listing(make.store))
        transitions.crashed(make.store, make.begun(), State.FAILED, CRASH)
        transitions.end(make.store, make.begun(), State.PAUSED)
        transitions.resume(make.store, 1)
        transitions.end(make.store, make.begun(), State.FINISHED)

    meanwhile = threading.Thread(target=others)
    meanwhile.start()
    done = athanor("train", "--epochs", 2, "--wait", "--json")
    meanwhile.join(30)
    assert (done.code, done.facts["state"]) == (0, "finished")
