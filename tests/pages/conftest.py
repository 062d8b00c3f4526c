"""Pages under test: the whole shell, with a store in a given state, without a browser."""

import os
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from engine.config import CONFIG_VERSION, RunConfig
from engine.jobs import memory
from engine.jobs.identity import identify
from engine.store import attempts, records, runs, transitions
from engine.store.connect import Store
from engine.store.home import Home
from engine.store.runs import Claim, New, State

SHELL = str(Path(__file__).parents[2] / "pages" / "shell.py")
PAGES = {"playground": "playground.py", "compare": "compare.py", "data": "data.py", "model": "model.py", "run": "run.py"}


# What is installed is looked through once a process, not once a page: .3 s each.
manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)


@pytest.fixture
def store(home: Path) -> Store:
    return Store(Home(home))


@pytest.fixture
def listener(store: Store) -> Iterator[int]:
    """Somebody who hears the bell, so that no supervisor is started; what rang can be read from it."""
    os.mkfifo(store.home.bell)
    pipe = os.open(store.home.bell, os.O_RDWR | os.O_NONBLOCK)
    yield pipe
    os.close(pipe)


@pytest.fixture
def open_page(listener: int) -> Callable[..., AppTest]:
    """Open a page by name with query parameters; fails when the page shows an exception."""

    def open_it(name: str, **query: str) -> AppTest:
        page = AppTest.from_file(SHELL, default_timeout=20)
        for key, value in query.items():
            page.query_params[key] = value
        page.run()
        if name != "playground":
            page.switch_page(PAGES[name]).run()
        assert not page.exception, page.exception
        return page

    return open_it


def add_run(store: Store, state: State, **knobs: object) -> int:
    """A run in a state, with what its worker would have told by then."""
    config = RunConfig.from_flat(knobs)
    number = runs.create(store, New("Digits, LeNet", config.model_dump(mode="json"), CONFIG_VERSION))
    if state is not State.QUEUED:
        claim = claimed(store, number)
        if state is not State.STARTING:
            train(store, claim)
        if state not in (State.STARTING, State.RUNNING):
            transitions.end(store, claim, state, _reason(store, claim, state))
    return number


def claimed(store: Store, number: int) -> Claim:
    """The run given to this very process; the others in the queue stay there."""
    others = [run.id for run in runs.listing(store, [State.QUEUED]) if run.id != number]
    claim = transitions.claim(store, held=others)
    assert claim is not None
    attempts.assign(store, claim, identify())
    return claim


def train(store: Store, claim: Claim, idle: float = 0.0) -> None:
    """What a worker tells of three epochs; `idle` seconds ago it last got on."""
    transitions.begin(store, claim, {"device": "cpu"})
    summary = {
        "epoch": 3, "epochs": 20, "seconds": 4.2, "val_loss": 0.31, "val_accuracy": 0.912, "last_val_loss": 0.33, "last_probe_loss": 0.2,
        "best_epoch": 2, "verdict": "too_early", "steps_per_epoch": 20, "parameters": 61_706,
    }  # fmt: skip
    seq = records.last_seq(store, claim.run)
    rows = [records.Metric(seq + epoch, "val_loss", 20 * epoch, epoch, 1 / epoch, 0.0) for epoch in (1, 2, 3)]
    records.append(store, claim, records.Batch(rows, summary=summary, progress=time.monotonic() - idle))


def _reason(store: Store, claim: Claim, state: State) -> dict[str, object] | None:
    return {
        State.STOPPED: {"key": "errors.stopped", "fields": {}},
        State.PAUSED: {"key": "errors.paused", "fields": {}},
        State.FAILED: {"key": "errors.worker_exited", "fields": {"code": 3}},
        State.DIVERGED: {"key": "errors.diverged", "fields": {"epoch": 3, "step": 57}},
        State.LOST: {"key": "errors.worker_vanished", "fields": {}},
        State.OUT_OF_MEMORY: memory.ran_out(runs.get(store, claim.run), "no more memory"),
    }.get(state)


def crash(store: Store, number: int) -> None:
    """An attempt that its system has ended."""
    claim = claimed(store, number)
    train(store, claim)
    transitions.crashed(store, claim, State.FAILED, {"key": "errors.worker_killed", "fields": {"signal": 9, "name": "Killed"}})


SAID = ("markdown", "caption", "warning", "toast", "header", "subheader")


def words(page: AppTest) -> str:
    """Everything that stands on a page."""
    return "\n".join(str(element.value) for kind in SAID for element in page.get(kind))


def read(page: AppTest) -> str:
    """The same as a person reads it, without the marks that keep text from being markup."""
    return words(page).replace("\\", "")
