"""The worker's pen: takes what happened at once, writes it about ten times a second from a thread of its own.

Training never waits for the disk. Knows the store and the attempt's token, nothing of training. Removes the files of a checkpoint
once the store no longer names it.
"""

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from engine import faults
from engine.errors import Fenced, StoreBusy
from engine.jobs.terms import HEARTBEAT
from engine.store import records
from engine.store.connect import Store
from engine.store.keeping import Kept
from engine.store.records import Batch, Event, Metric, finite
from engine.store.runs import Claim

log = logging.getLogger("athanor.recorder")

# Seconds between two writings while there is something to tell; the first rows of a run do not wait.
PERIOD = 0.1
EAGER_ROWS = 8
# Seconds for which the last rows are offered to a store that is busy.
LAST_PATIENCE = 60.0


class Whole(Protocol):
    """A checkpoint as the one who wrote it describes it."""

    @property
    def name(self) -> str: ...
    @property
    def step(self) -> int: ...
    @property
    def epoch(self) -> int: ...
    @property
    def bytes(self) -> int: ...
    @property
    def sha256(self) -> str: ...


class Recorder:
    """Metrics, events and the summary go in; commands come out. `fenced` is set when the attempt has been ended by others."""

    def __init__(self, store: Store, claim: Claim) -> None:
        self.store = store
        self.claim = claim
        self.fenced = False
        self._seq = records.last_seq(store, claim.run)
        self._first = self._seq
        self._metrics: list[Metric] = []
        self._events: list[Event] = []
        self._checkpoints: list[Kept] = []
        self._summary: dict[str, Any] = {}
        self._told: dict[str, Any] = {}
        self._got_on_at: float | None = None
        self._commands: set[str] = set()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closing_at: float | None = None
        self._written_at = 0.0
        self._waiting = False
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._write_until_closed, name="recorder", daemon=True)

    def start(self) -> None:
        """Begin to write; the first writing is the attempt's first heartbeat."""
        self._thread.start()

    def metric(self, series: str, step: int, epoch: int, value: float) -> None:
        """Keep one number."""
        with self._lock:
            self._seq += 1
            self._metrics.append(Metric(self._seq, series, step, epoch, finite(value), time.time()))
            eager = self._seq - self._first <= EAGER_ROWS
        if eager:
            self._wake.set()

    def event(self, kind: str, step: int, epoch: int, data: Mapping[str, Any]) -> None:
        """Keep something that happened, in order with the numbers."""
        with self._lock:
            self._seq += 1
            self._events.append(Event(self._seq, kind, step, epoch, dict(data), time.time()))
        self._wake.set()

    def summary(self, **values: Any) -> None:
        """Renew some values of the run's summary."""
        with self._lock:
            self._summary = self._summary | values

    def checkpoint(self, written: Whole, best: bool) -> None:
        """Name a checkpoint that is whole on the disk, behind the rows that led to it."""
        kept = Kept(written.name, written.step, written.epoch, best, written.bytes, written.sha256)
        with self._lock:
            self._checkpoints.append(kept)
        self._wake.set()

    def got_on(self) -> None:
        """Training is alive and has just taken a step or read a picture."""
        self._got_on_at = time.monotonic()

    def asked(self, kind: str) -> bool:
        """Whether this has been asked of the attempt. Raises what has kept the pen from writing, if anything has."""
        if self._failure is not None:
            raise self._failure
        return kind in self._commands

    def close(self) -> None:
        """Write what is left and end the thread.

        Raises StoreBusy when the store has stayed busy for LAST_PATIENCE and rows are left, and what else has kept the pen from writing.
        """
        self._closing_at = time.monotonic()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join()
        if self._failure is not None:
            raise self._failure
        if not self.fenced and self._told_of(self._gathered()):
            raise StoreBusy("errors.store_busy", message=f"it did not take the last rows for {LAST_PATIENCE:g} s")

    def _write_until_closed(self) -> None:
        try:
            while not self.fenced:
                closing_at = self._closing_at
                self._wake.clear()
                written = self._write()
                if closing_at is not None and (written or time.monotonic() - closing_at > LAST_PATIENCE):
                    return
                self._wake.wait(PERIOD)
        except Fenced:
            self.fenced = True
        except Exception as error:
            log.exception("the pen is broken")
            self._failure = error

    def _write(self) -> bool:
        """Write what there is; False when the store is busy and it must wait. An empty batch is written as a heartbeat only."""
        batch = self._gathered()
        try:
            if not self._due(batch):
                return True
            faults.point("recorder.before_write")
            answer = records.append(self.store, self.claim, batch)
        except StoreBusy as error:
            if not self._waiting:
                log.warning("rows wait: %s", error)
            self._waiting = True
            self._put_back(batch)
            return False
        self._commands.update(answer.commands)
        self._remove(answer.dropped)
        self._told = dict(batch.summary) or self._told
        self._waiting = False
        self._written_at = time.monotonic()
        return True

    def _gathered(self) -> Batch:
        with self._lock:
            summary = {} if self._summary == self._told else self._summary
            batch = Batch(self._metrics, self._events, self._checkpoints, summary, self._got_on_at)
            self._metrics, self._events, self._checkpoints = [], [], []
        return batch

    def _put_back(self, batch: Batch) -> None:
        with self._lock:
            self._metrics, self._events = [*batch.metrics, *self._metrics], [*batch.events, *self._events]
            self._checkpoints = [*batch.checkpoints, *self._checkpoints]

    def _remove(self, dropped: Sequence[str]) -> None:
        for name in dropped:
            for file in self.store.home.checkpoint_files(self.claim.run, name):
                file.unlink(missing_ok=True)

    def _due(self, batch: Batch) -> bool:
        """Whether there is anything to tell or to be told, or it is time for a heartbeat."""
        beat = time.monotonic() - self._written_at >= HEARTBEAT
        return self._told_of(batch) or beat or records.waiting(self.store, self.claim)

    @staticmethod
    def _told_of(batch: Batch) -> bool:
        return bool(batch.metrics or batch.events or batch.checkpoints or batch.summary)
