"""Verdicts with what is prescribed for them, as a worker tells them, for the tests of all that follows."""

import time
from dataclasses import replace

from engine.config import RunConfig
from engine.diagnosis import Verdict, judge, prescribe
from engine.store.records import VERDICT, Event
from tests.diagnosis.golden import GOLDEN

# The name of a verdict -> a golden history of it.
SHOWING = {
    "overfitting": "overfitting seen in pictures",
    "memorising": "memorising",
    "data_suspect": "twins",
    "diverged": "diverged by nan",
    "healthy": "healthy",
    "watch": "watch",
}


def verdict(name: str, config: RunConfig) -> Verdict:
    """Said of a run of this config."""
    found = judge(GOLDEN[SHOWING[name]])
    assert found.name == name
    return replace(found, prescriptions=prescribe(found, config))


def told(name: str, config: RunConfig, seq: int, epoch: int = 3) -> Event:
    """The same as an event of its run."""
    return Event(seq, VERDICT, 20 * epoch, epoch, verdict(name, config).as_dict(), time.time())
