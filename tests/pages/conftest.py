"""Pages under test: the whole shell, with a store in a given state, without a browser."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from engine.config import CONFIG_VERSION, RunConfig
from engine.store import records, runs
from engine.store.connect import Store
from engine.store.home import Home
from engine.store.runs import State

SHELL = str(Path(__file__).parents[2] / "pages" / "shell.py")
PAGES = {"playground": "playground.py", "compare": "compare.py"}


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
    number = runs.create(store, config.model_dump(mode="json"), CONFIG_VERSION, "Digits, LeNet")
    if state is State.QUEUED:
        return number
    claim = runs.claim(store)
    assert claim is not None
    runs.begin(store, claim, {"device": "cpu"})
    summary = {
        "epoch": 3, "epochs": 20, "seconds": 4.2, "val_loss": 0.31, "val_accuracy": 0.912, "last_val_loss": 0.33, "last_probe_loss": 0.2,
        "best_epoch": 2, "verdict": "too_early", "steps_per_epoch": 20,
    }  # fmt: skip
    rows = [records.Metric(epoch, "val_loss", 20 * epoch, epoch, 1 / epoch, 0.0) for epoch in (1, 2, 3)]
    records.append(store, claim, records.Batch(rows, summary=summary))
    if state.ended:
        runs.end(store, claim, state, {"key": "errors.stopped", "fields": {}} if state is State.STOPPED else None)
    return number
