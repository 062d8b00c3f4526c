"""Commands called as they are typed, in this process: what they print, and how they end."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engine.commands import line
from engine.config import CONFIG_VERSION, RunConfig
from engine.store import queue, records, runs, transitions
from engine.store.connect import Store, open_store
from engine.store.home import Home
from engine.store.keeping import Kept
from engine.store.records import Batch
from engine.store.runs import Claim, New, State


@dataclass(frozen=True)
class Said:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def facts(self) -> Any:
        return json.loads(self.out)

    @property
    def rows(self) -> list[Any]:
        return [json.loads(row) for row in self.out.splitlines()]


Athanor = Callable[..., Said]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """The store that the commands open too. This test listens where a supervisor would, so that none is started."""
    store = open_store(Home(tmp_path / "home"))
    os.mkfifo(store.home.bell)
    pipe = os.open(store.home.bell, os.O_RDWR | os.O_NONBLOCK)
    yield store
    os.close(pipe)
    store.engine.dispose()


@pytest.fixture
def athanor(store: Store, capsys: pytest.CaptureFixture[str]) -> Athanor:
    def run(*words: object) -> Said:
        capsys.readouterr()
        try:
            code = line.main([*map(str, words), "--home", str(store.home.root)])
        except SystemExit as left:  # argparse
            code = int(str(left.code))
        return Said(code, *capsys.readouterr())

    return run


@dataclass(frozen=True)
class Runs:
    """Makes runs in any state, by legal moves only."""

    store: Store

    def queued(self, count: int = 1, parent: int | None = None) -> int:
        """The last of them."""
        config = RunConfig().model_dump(mode="json")
        return [runs.create(self.store, New("a run", config, CONFIG_VERSION, parent=parent)) for _ in range(count)][-1]

    def begun(self, number: int | None = None) -> Claim:
        """Of this run, or of the next in the queue."""
        held = [run.id for run in queue.queued(self.store) if number not in (None, run.id)]
        claim = transitions.claim(self.store, held)
        assert claim is not None
        transitions.begin(self.store, claim, {})
        return claim

    def in_state(self, state: State, epochs: int = 0) -> int:
        """With a checkpoint of each of so many epochs in the store."""
        number = self.queued()
        if state is State.QUEUED:
            return number
        claim = self.begun(number)
        for epoch in range(1, epochs + 1):
            self.checkpoint(claim, epoch)
        if state is not State.RUNNING:
            assert transitions.end(self.store, claim, state, {"key": "errors.stopped", "fields": {}})
        return number

    def checkpoint(self, claim: Claim, epoch: int, best: bool = False) -> None:
        """Whole: files and row."""
        kept, folder = Kept(f"step-{10 * epoch:08d}", 10 * epoch, epoch, best, 10, "0" * 64), self.store.home.checkpoints(claim.run)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{kept.name}.json").write_bytes(b"1234")
        (folder / f"{kept.name}.weights.safetensors").write_bytes(b"123456")
        records.append(self.store, claim, Batch(checkpoints=[kept], summary={"epoch": epoch, "epochs": 10}))


@pytest.fixture
def make(store: Store) -> Runs:
    return Runs(store)
