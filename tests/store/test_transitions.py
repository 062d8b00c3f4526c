"""Changes of state: what may follow what, who may write, how often a crash is tried again."""

from collections.abc import Callable

import pytest

from engine.errors import Fenced, NotFound, Refused
from engine.store import attempts, records, runs, transitions
from engine.store.connect import Store
from engine.store.keeping import Kept
from engine.store.records import PAUSE, STOP, Batch
from engine.store.runs import FAULTS, UNDER_WAY, WAITING, Claim, New, State
from engine.store.transitions import MOST_CRASHES, RETRIABLE

CRASH = {"key": "errors.worker_exited", "fields": {"code": 3}}


def queued(store: Store) -> int:
    return runs.create(store, New("a run", {}, 1))


def claimed(store: Store) -> Claim:
    claim = transitions.claim(store)
    assert claim is not None
    return claim


def begun(store: Store) -> Claim:
    claim = claimed(store)
    transitions.begin(store, claim, {})
    return claim


def brought_to(store: Store, state: State) -> int:
    """A run in this state, by legal moves only."""
    number = queued(store)
    if state is State.QUEUED:
        return number
    claim = claimed(store)
    if state is State.STARTING:
        return number
    transitions.begin(store, claim, {})
    if state is not State.RUNNING:
        assert transitions.end(store, claim, state, CRASH)
    return number


def state_of(store: Store, number: int) -> State:
    return runs.get(store, number).state


def refused(act: Callable[[Store, int], object]) -> Callable[[Store, int], bool]:
    """An act that says no by raising, as one that says no by False."""

    def told(store: Store, number: int) -> bool:
        try:
            act(store, number)
        except Refused:
            return False
        return True

    return told


ACTS = {
    "stop": (transitions.stop_waiting, set(WAITING), State.STOPPED),
    "pause": (transitions.pause_queued, {State.QUEUED}, State.PAUSED),
    "resume": (refused(transitions.resume), {State.PAUSED}, State.QUEUED),
    "retry": (refused(transitions.retry), set(RETRIABLE), State.QUEUED),
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("state", State)
def test_what_people_ask_is_done_from_the_right_states_only(store: Store, state: State, act: str) -> None:
    do, allowed, after = ACTS[act]
    number = brought_to(store, state)
    before = runs.get(store, number)
    assert do(store, number) is (state in allowed)
    assert runs.get(store, number) == before if state not in allowed else state_of(store, number) is after


@pytest.mark.parametrize("act", [transitions.resume, transitions.retry])
def test_a_run_that_is_not_there_is_named(store: Store, act: Callable[[Store, int], None]) -> None:
    with pytest.raises(NotFound, match="no run 99"):
        act(store, 99)
    assert not transitions.stop_waiting(store, 99)
    assert not transitions.pause_queued(store, 99)


@pytest.mark.parametrize("state", [state for state in State if state not in UNDER_WAY])
def test_the_token_of_an_ended_attempt_opens_nothing(store: Store, state: State) -> None:
    queued(store)
    claim = claimed(store)
    transitions.begin(store, claim, {})
    if state is State.QUEUED:
        assert transitions.unclaim(store, claim, CRASH)
    else:
        assert transitions.end(store, claim, state)
    before = runs.get(store, claim.run)
    with pytest.raises(Fenced):
        transitions.begin(store, claim, {})
    with pytest.raises(Fenced):
        records.append(store, claim, Batch(summary={"epoch": 1}))
    assert not transitions.end(store, claim, State.FINISHED)
    assert transitions.crashed(store, claim, State.FAILED, CRASH) is None
    assert not transitions.unclaim(store, claim, CRASH)
    assert runs.get(store, claim.run) == before


def test_the_next_attempt_shuts_out_the_one_before(store: Store) -> None:
    queued(store)
    old = begun(store)
    assert transitions.crashed(store, old, State.FAILED, CRASH)
    new = begun(store)
    assert (new.run, new.attempt) == (old.run, 2)
    assert not transitions.end(store, old, State.FINISHED)
    with pytest.raises(Fenced):
        records.append(store, old, Batch(summary={"epoch": 9}))
    assert state_of(store, new.run) is State.RUNNING
    assert [(past.number, past.state) for past in attempts.told(store, new.run)] == [(1, State.FAILED), (2, State.RUNNING)]


def test_the_first_numerics_stay(store: Store) -> None:
    number = queued(store)
    first = claimed(store)
    transitions.begin(store, first, {"threads": 1})
    transitions.crashed(store, first, State.FAILED, CRASH)
    transitions.begin(store, claimed(store), {"threads": 2})
    assert runs.get(store, number).numerics == {"threads": 1}


def test_a_run_is_begun_once(store: Store) -> None:
    queued(store)
    claim = begun(store)
    with pytest.raises(Fenced):
        transitions.begin(store, claim, {})


@pytest.mark.parametrize("state", FAULTS)
def test_the_third_crash_in_a_row_ends_a_run(store: Store, state: State) -> None:
    number = queued(store)
    for _ in range(MOST_CRASHES - 1):
        assert transitions.crashed(store, begun(store), state, CRASH) is True
        run = runs.get(store, number)
        assert (run.state, run.ended_at, run.reason) == (State.QUEUED, None, CRASH)
    assert transitions.crashed(store, begun(store), state, CRASH) is False
    run = runs.get(store, number)
    assert (run.state, run.reason, run.attempt) == (state, CRASH, MOST_CRASHES)
    assert run.ended_at is not None
    assert [past.reason for past in attempts.told(store, number)] == [CRASH] * MOST_CRASHES
    assert transitions.claim(store) is None


def test_a_new_checkpoint_forgives_the_crashes_before_it(store: Store) -> None:
    number = queued(store)
    for step in range(1, 3 * MOST_CRASHES):
        claim = begun(store)
        records.append(store, claim, Batch(checkpoints=[Kept(f"step-{step}", step, step, False, 1, "")]))
        assert runs.get(store, number).crashes == 0
        assert transitions.crashed(store, claim, State.FAILED, CRASH)
    assert runs.get(store, number).crashes == 1


def test_a_beat_without_a_checkpoint_forgives_nothing(store: Store) -> None:
    number = queued(store)
    transitions.crashed(store, begun(store), State.FAILED, CRASH)
    records.append(store, begun(store), Batch(summary={"epoch": 1}))
    assert runs.get(store, number).crashes == 1


def test_trying_again_by_hand_starts_the_count_anew(store: Store) -> None:
    number = queued(store)
    while transitions.crashed(store, begun(store), State.FAILED, CRASH):
        pass
    transitions.retry(store, number)
    run = runs.get(store, number)
    assert (run.state, run.crashes, run.reason, run.ended_at) == (State.QUEUED, 0, None, None)
    assert claimed(store).attempt == MOST_CRASHES + 1


def test_a_claim_put_back_is_nobodys_crash(store: Store) -> None:
    number = queued(store)
    assert transitions.unclaim(store, claimed(store), CRASH)
    run = runs.get(store, number)
    assert (run.state, run.crashes, run.reason) == (State.QUEUED, 0, None)
    assert claimed(store).attempt == 2


@pytest.mark.parametrize(("trained", "key"), [(False, "errors.stopped_in_queue"), (True, "errors.stopped")])
def test_a_stopped_run_says_whether_it_had_begun(store: Store, trained: bool, key: str) -> None:
    number = brought_to(store, State.PAUSED) if trained else queued(store)
    assert transitions.stop_waiting(store, number)
    assert runs.get(store, number).reason == {"key": key, "fields": {}}


def test_a_stop_that_comes_while_it_pauses_holds(store: Store) -> None:
    number = queued(store)
    claim = begun(store)
    for kind in (PAUSE, STOP):
        records.command(store, number, kind)
    transitions.end(store, claim, State.PAUSED, {"key": "errors.paused", "fields": {}})
    run = runs.get(store, number)
    assert (run.state, run.reason) == (State.STOPPED, {"key": "errors.stopped", "fields": {}})


def test_what_was_asked_of_an_attempt_never_reaches_the_next(store: Store) -> None:
    number = queued(store)
    first = begun(store)
    records.command(store, number, PAUSE)
    transitions.crashed(store, first, State.FAILED, CRASH)
    transitions.resume(store, number)
    second = begun(store)
    assert records.append(store, second, Batch()).commands == []
    assert records.asked(store, first) == {PAUSE}
    assert records.asked(store, second) == set()


@pytest.mark.parametrize(("asked", "left"), [((STOP,), State.STOPPED), ((PAUSE,), State.PAUSED), ((PAUSE, STOP), State.STOPPED)])
@pytest.mark.parametrize("crash", [True, False])
def test_what_was_asked_of_an_attempt_holds_when_that_ends_by_itself(
    store: Store, crash: bool, asked: tuple[str, ...], left: State
) -> None:
    number = queued(store)
    claim = claimed(store)
    for kind in asked:
        assert records.command(store, number, kind)
    if crash:
        assert transitions.crashed(store, claim, State.FAILED, CRASH) is False
    else:
        assert transitions.unclaim(store, claim, CRASH)
    run = runs.get(store, number)
    assert run.state is left
    assert run.ended_at is not None
    assert transitions.claim(store) is None
