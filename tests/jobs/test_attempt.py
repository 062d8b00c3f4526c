"""An attempt over a run folder that a stranger has filled: it goes on from what is whole and touches nothing outside."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from engine.config import CONFIG_VERSION, RunConfig
from engine.jobs.attempt import Attempt
from engine.store import keeping, records, runs, transitions
from engine.store.connect import Store
from engine.store.home import PROJECT, Home
from engine.store.keeping import Kept
from engine.store.records import Batch
from engine.store.runs import Claim, New, State
from engine.training import checkpoints
from engine.training.happenings import State as Place
from engine.training.live import Live

LOG = """
import sys
from engine.jobs.worker import _log_to
from engine.store.home import Home
from engine.store.runs import Claim
_log_to(Home.find(sys.argv[1]), Claim(1, 1, ""))
print("what it has to say")
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(Home(tmp_path / "home"))
    yield store
    store.engine.dispose()


@pytest.fixture
def claim(store: Store) -> Claim:
    """The second attempt at a run with checkpoints after steps 10 and 20."""
    runs.create(store, New("a run", RunConfig().model_dump(mode="json"), CONFIG_VERSION))
    first = transitions.claim(store)
    assert first is not None
    model = nn.Linear(2, 2)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    for step in (10, 20):
        written = checkpoints.save(store.home.checkpoints(1), f"{step:09d}-1", Live(model, optimiser), Place(step=step))
        records.append(store, first, Batch(checkpoints=[Kept(**vars(written), best=True)]))
    transitions.end(store, first, State.PAUSED)
    transitions.resume(store, 1)
    again = transitions.claim(store)
    assert again is not None
    return again


def test_checkpoints_behind_a_link_fail_the_run_and_cost_nobody_a_file(store: Store, claim: Claim, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    store.home.checkpoints(1).rename(victim)
    (victim / "000000099-1.json").write_text("mine")
    before = sorted(file.name for file in victim.iterdir())
    store.home.checkpoints(1).symlink_to(victim)
    assert Attempt(store, claim).make()
    ended = runs.get(store, 1)
    assert ended.state is State.FAILED
    assert ended.reason == {"key": "errors.no_plain_folder", "fields": {"path": str(store.home.checkpoints(1))}}
    assert sorted(file.name for file in victim.iterdir()) == before


def test_a_rewind_removes_what_checkpoints_left_behind_and_nothing_else(store: Store, claim: Claim) -> None:
    folder = store.home.checkpoints(1)
    for name in ("000000030-1.json", ".000000030-1.json.77.part", "thesis.tex"):
        (folder / name).write_text("mine")
    attempt = Attempt(store, claim)
    attempt._rewind(*attempt._start())
    assert sorted({file.name.partition(".")[0] for file in folder.iterdir()}) == ["000000010-1", "000000020-1", "thesis"]


def test_a_damaged_best_takes_those_with_it_that_would_end_with_it(store: Store, claim: Claim) -> None:
    model = nn.Linear(2, 2)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    folder, extra = store.home.checkpoints(1), checkpoints.Extra({"best": "000000020-1"})
    written = checkpoints.save(folder, "000000030-2", Live(model, optimiser), Place(step=30), extra)
    records.append(store, claim, Batch(checkpoints=[Kept(**vars(written), best=False)]))
    assert Attempt(store, claim)._start()[1] == []
    (file,) = (file for file in folder.glob("000000020-1.weights*"))
    file.write_bytes(b"")
    start, damaged = Attempt(store, claim)._start()
    assert (start, damaged) == (None, [file.name])
    assert keeping.of(store, 1) == []


@pytest.mark.parametrize("body", [{"format": 3}, [], {"format": 3, "files": {}, "state": {}, "groups": [], "extra": {}}])
def test_a_checkpoint_of_a_wrong_shape_falls_back_to_the_one_before(store: Store, claim: Claim, body: object) -> None:
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    file = store.home.checkpoints(1) / "000000020-1.json"
    file.write_text(json.dumps({"body": body, "sha256": digest}))
    start, damaged = Attempt(store, claim)._start()
    assert start is not None
    assert (start.state.step, damaged) == (10, [file.name])
    assert [kept.step for kept in keeping.of(store, 1)] == [10]


@pytest.mark.parametrize("link", [True, False])
def test_a_log_that_is_no_plain_file_is_not_written(tmp_path: Path, link: bool) -> None:
    home, victim = Home(tmp_path / "home"), tmp_path / "victim"
    victim.write_text("mine\n")
    home.run(1).mkdir(parents=True)
    if link:
        home.log(1).symlink_to(victim)
    else:
        os.mkfifo(home.log(1))
    command = [sys.executable, "-c", LOG, str(home.root)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "what it has to say\n"
    assert "the log of run 1 stays here" in done.stderr
    assert victim.read_text() == "mine\n"
