"""The order of the queue: who is next, who is moved, and that many claimers never take one run twice."""

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import Refused
from engine.store import queue, runs, transitions
from engine.store.connect import Store
from engine.store.home import PROJECT, Home
from engine.store.queue import HIGH, LOW, NORMAL, Where
from engine.store.runs import New

CLAIMERS = 8
CLAIMER = """
import sys
from engine.store.connect import Store
from engine.store.home import Home
from engine.store.transitions import claim
store = Store(Home.find(sys.argv[1]))
while (taken := claim(store)) is not None:
    print(taken.run, taken.attempt, taken.token)
"""


def add(store: Store, count: int) -> list[int]:
    return [runs.create(store, New("a run", {}, 1)) for _ in range(count)]


def order(store: Store) -> list[int]:
    return [run.id for run in queue.queued(store)]


def drained(store: Store) -> list[int]:
    taken = []
    while (claim := transitions.claim(store)) is not None:
        taken.append(claim.run)
    return taken


def test_each_knows_how_many_go_before_it(store: Store) -> None:
    add(store, 5)
    queue.set_priority(store, 4, HIGH)
    queue.move(store, 3, "first")
    assert [run.id for run in queue.queued(store, limit=2)] == [4, 3]
    assert [queue.ahead(store, number) for number in order(store)] == [0, 1, 2, 3, 4]
    assert (queue.length(store), queue.ahead(store, 99)) == (5, 0)


def test_first_come_first_served(store: Store) -> None:
    add(store, 4)
    assert order(store) == [1, 2, 3, 4]
    assert drained(store) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("number", "where", "after"),
    [
        (3, "first", [3, 1, 2, 4]),
        (3, "up", [1, 3, 2, 4]),
        (3, "down", [1, 2, 4, 3]),
        (2, "last", [1, 3, 4, 2]),
        (1, "up", [1, 2, 3, 4]),
        (1, "first", [1, 2, 3, 4]),
        (4, "down", [1, 2, 3, 4]),
        (4, "last", [1, 2, 3, 4]),
    ],
)
def test_a_run_is_moved(store: Store, number: int, where: Where, after: list[int]) -> None:
    add(store, 4)
    queue.move(store, number, where)
    assert order(store) == after
    assert drained(store) == after


def test_a_new_run_stands_behind_all_that_were_moved(store: Store) -> None:
    add(store, 4)
    queue.move(store, 1, "last")
    assert order(store) == [2, 3, 4, 1]
    add(store, 1)
    assert order(store) == [2, 3, 4, 1, 5]


def test_priority_comes_before_place(store: Store) -> None:
    add(store, 4)
    queue.set_priority(store, 3, HIGH)
    queue.set_priority(store, 1, LOW)
    assert order(store) == [3, 2, 4, 1]
    queue.move(store, 4, "first")
    assert order(store) == [3, 4, 2, 1]
    queue.move(store, 3, "last")
    assert order(store) == [3, 4, 2, 1]


def test_a_new_priority_means_the_end_of_its_line(store: Store) -> None:
    add(store, 5)
    queue.set_priority(store, 4, HIGH)
    queue.move(store, 3, "first")
    queue.set_priority(store, 3, HIGH)
    queue.set_priority(store, 1, HIGH)
    assert order(store) == [4, 3, 1, 2, 5]
    queue.set_priority(store, 3, HIGH)
    assert order(store) == [4, 3, 1, 2, 5]


def test_what_does_not_wait_is_not_moved(store: Store) -> None:
    add(store, 2)
    assert transitions.claim(store) is not None
    for number in (1, 99):
        with pytest.raises(Refused, match=f"{number} is not in the queue"):
            queue.move(store, number, "first")
        with pytest.raises(Refused, match=f"{number} is not in the queue"):
            queue.set_priority(store, number, HIGH)
    assert order(store) == [2]


def test_a_held_run_waits_and_the_next_is_taken(store: Store) -> None:
    add(store, 3)
    first, second = transitions.claim(store, {1}), transitions.claim(store, {1})
    assert first is not None
    assert second is not None
    assert (first.run, second.run) == (2, 3)
    assert transitions.claim(store, {1}) is None
    assert order(store) == [1]


moves = st.lists(st.tuples(st.integers(1, 6), st.sampled_from(["first", "up", "down", "last", LOW, NORMAL, HIGH])), max_size=12)


@pytest.mark.slow
@settings(max_examples=30)
@given(asked=moves)
def test_any_moves_leave_every_run_in_the_queue_once_by_priority(tmp_path_factory: pytest.TempPathFactory, asked: list) -> None:
    store = Store(Home(tmp_path_factory.mktemp("queue")))
    add(store, 6)
    for number, what in asked:
        if isinstance(what, int):
            queue.set_priority(store, number, what)
        else:
            queue.move(store, number, what)
    line = queue.queued(store)
    assert sorted(run.id for run in line) == [1, 2, 3, 4, 5, 6]
    assert [run.priority for run in line] == sorted((run.priority for run in line), reverse=True)
    assert drained(store) == [run.id for run in line]
    store.engine.dispose()


@pytest.mark.slow
@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_eight_claimers_take_every_run_exactly_once(store: Store, count: int) -> None:
    waiting = add(store, count)
    command = [sys.executable, "-c", CLAIMER, str(store.home.root)]
    claimers = [subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) for _ in range(CLAIMERS)]
    told = [claimer.communicate(timeout=100)[0] for claimer in claimers]
    assert [claimer.returncode for claimer in claimers] == [0] * CLAIMERS
    taken = [line.split() for text in told for line in text.splitlines()]
    assert sorted(int(run) for run, *_ in taken) == waiting
    assert {attempt for _, attempt, _ in taken} == {"1"}
    assert len({token for *_, token in taken}) == len(waiting)
