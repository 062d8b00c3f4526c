"""What is to be done about an attempt: judged by who lives and what was heard, also of other boots and machines."""

import time
from dataclasses import replace
from pathlib import Path

import pytest

from engine.jobs import watching
from engine.jobs.identity import boot_id
from engine.jobs.watching import Watch
from engine.store.attempts import Attempt, Identity
from engine.store.connect import Store
from engine.store.home import Home
from engine.store.runs import Claim, State
from tests.waiting import until

GONE = Identity(boot_id(), 2**22 + 1, "1")  # no system has a pid so high


@pytest.fixture
def watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watch:
    monkeypatch.setattr(watching, "MISSED", 0.5)
    return Watch(Store(Home(tmp_path)))


def attempt(identity: Identity | None, heartbeat: float | None) -> Attempt:
    return Attempt(Claim(1, 1, "token"), State.RUNNING, identity, heartbeat, heartbeat, heartbeat)


def test_one_without_a_process_never_began(watch: Watch) -> None:
    assert watch.look(attempt(None, None), ours=False) == "never began"


def test_one_that_is_gone_is_given_up_when_it_has_been_silent_for_long(watch: Watch) -> None:
    assert watch.look(attempt(GONE, time.monotonic() + 1000), ours=False) is None  # not silent yet, however long this takes
    assert watch.look(attempt(GONE, time.monotonic() - 0.6), ours=False) == "gone"


def test_one_of_another_machine_lives_as_long_as_it_is_heard(watch: Watch) -> None:
    """Its clock says nothing here: only that it goes on."""
    theirs = attempt(replace(GONE, boot="another"), 5.0)
    assert watch.look(theirs, ours=False) is None
    for beat in range(6, 9):
        later = time.monotonic() + 0.3
        until(lambda later=later: time.monotonic() > later)
        assert watch.look(replace(theirs, heartbeat=float(beat)), ours=False) is None
    last = replace(theirs, heartbeat=8.0)
    until(lambda: watch.look(last, ours=False) == "gone")
    watch.forget([])
    assert watch.look(last, ours=False) is None
