"""Runs for the tests of the store: queued, under way, ended, with something told."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from engine.config import CONFIG_VERSION, RunConfig
from engine.diagnosis.verdict import Evidence, Refutation, Verdict
from engine.store import records, runs, transitions
from engine.store.connect import Store
from engine.store.records import Batch, Event, Metric
from engine.store.runs import Claim, State

ROOT = Path(__file__).parents[2]

# As a worker tells it.
MEASURED = (Evidence("epochs", 3.0, 4.0, fields={"planned": 20.0, "judged": 4.0}),)
VERDICT = Verdict("too_early", None, None, 3, 3, MEASURED, (), Refutation("enough_epochs", 4.0, 1))


def queue(store: Store, count: int = 1, **knobs: object) -> list[int]:
    config = RunConfig.from_flat(knobs).model_dump(mode="json")
    return [runs.create(store, runs.New("a run", config, CONFIG_VERSION)) for _ in range(count)]


def claimed(store: Store, **knobs: object) -> Claim:
    """A run that is under way."""
    queue(store, **knobs)
    return taken(store)


def taken(store: Store) -> Claim:
    """The next run of the queue, under way."""
    claim = transitions.claim(store)
    assert claim is not None
    transitions.begin(store, claim, {"threads": 1})
    return claim


def metric(seq: int, step: int, value: float | None = 0.5, series: str = "val_loss") -> Metric:
    return Metric(seq, series, step, step, value, time.time())


def told(seqs: Sequence[int]) -> list[Metric]:
    """Two series in turn, with values that need all their bits, and every seventh not finite."""
    return [metric(seq, seq, None if seq % 7 == 0 else 1 / seq, ("val_loss", "train_loss")[seq % 2]) for seq in seqs]


def ended(store: Store, seqs: Sequence[int] = range(1, 101), state: State = State.FINISHED) -> int:
    """A run that has told something and ended."""
    claim = claimed(store)
    happened = Event(seqs[-1] + 1, records.VERDICT, seqs[-1], seqs[-1], VERDICT.as_dict(), time.time())
    records.append(store, claim, Batch(told(seqs), [happened], summary={"epoch": 3, "val_accuracy": 0.9}))
    assert transitions.end(store, claim, state)
    return claim.run


def start(code: str, *words: object, **variables: str) -> subprocess.Popen[str]:
    """Another process with our modules at hand; its output is read by whoever waits for it."""
    command = [sys.executable, "-c", code, *map(str, words)]
    return subprocess.Popen(command, cwd=ROOT, env=os.environ | variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
