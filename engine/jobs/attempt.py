"""One attempt at a training run, in the worker: from its last whole checkpoint to its end, every failure named.

Torch side. A failure is returned as a state and a reason; its trace is in the run's log.
"""

import errno
import logging
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import torch

from engine import faults
from engine.config import RunConfig
from engine.errors import AthanorError, Fenced, StoreBusy
from engine.folders import data_roots
from engine.jobs import memory, slots
from engine.jobs.recorder import Recorder
from engine.store import budget, keeping, manifest, records, runs, settings, standing, transitions
from engine.store.connect import Store
from engine.store.records import PAUSE, STEP, STOP
from engine.store.runs import Claim, State
from engine.training import checkpoints, measured, session
from engine.training.checkpoints import BadCheckpoint, Checkpoint
from engine.training.happenings import Diverged
from engine.training.holding import KINDS
from engine.training.inheriting import Saved, Shelf
from engine.training.numerics import Numerics

log = logging.getLogger("athanor.worker")

# Seconds for which a store that cannot answer now is asked again and again, and between two times.
PATIENCE, AGAIN = 300.0, 1.0

T = TypeVar("T")


@dataclass(frozen=True)
class End:
    """How an attempt ended. `state` None: it left for its process's sake, and the run goes back into the queue."""

    state: State | None
    reason: dict[str, Any] | None = None


class Attempt:
    """A claim being worked on. `leave` asks it to save where it is and go."""

    def __init__(self, store: Store, claim: Claim) -> None:
        self.store = store
        self.claim = claim
        self.run = insist(lambda: runs.get(store, claim.run))
        self.recorder = insist(lambda: Recorder(store, claim))
        self.leave = False

    def make(self) -> bool:
        """Do the job and store how it ended; False when another had ended the attempt."""
        try:
            end = self._guarded(self._train)
            end = self._guarded(partial(self._closed, end))
        except Fenced:
            self.recorder.fenced = True
        if self.recorder.fenced:
            return False
        faults.point("attempt.before_end")
        log.info("%s %s", end.state or "back into the queue", end.reason or "")
        if end.state is None:
            insist(lambda: transitions.unclaim(self.store, self.claim, {"key": "errors.process_left", "fields": {}}))
        else:
            state = end.state
            insist(lambda: transitions.end(self.store, self.claim, state, end.reason))
        return True

    def _closed(self, end: End) -> End:
        """The end, once all that was told is written."""
        self.recorder.close()
        return end

    def _start(self) -> tuple[Checkpoint | None, list[str]]:
        """The newest checkpoint that is whole, as is the best that it goes back to, and the files of others; they are named no longer."""
        folder, damaged = self.store.home.checkpoints(self.claim.run), list[str]()
        checkpoints.require_folder(folder)
        for kept in keeping.of(self.store, self.claim.run):
            try:
                start = checkpoints.load(folder, kept.name)
                best = start.extra.facts.get("best", "")
                if best not in ("", kept.name):
                    checkpoints.load(folder, best)
                return start, list(dict.fromkeys(damaged))
            except BadCheckpoint as error:
                log.warning("%s", error)
                damaged.append(str(error.fields["file"]))
                insist(partial(keeping.forget, self.store, self.claim, kept.name))
        return None, list(dict.fromkeys(damaged))

    def _guarded(self, work: Callable[[], End]) -> End:
        """What the work comes to, every kind of failure turned into a state and a reason."""
        try:
            return work()
        except Diverged as error:
            return End(State.DIVERGED, error.as_reason())
        except Fenced:
            raise
        except StoreBusy as error:  # nobody's fault: it goes on from its last checkpoint
            log.warning("%s", error)
            return End(None)
        except AthanorError as error:
            return End(State.FAILED, error.as_reason())
        except OSError as error:
            log.error(traceback.format_exc())
            return _file_trouble(error)
        except Exception as error:
            log.error(traceback.format_exc())
            return End(State.OUT_OF_MEMORY, memory.ran_out(self.run, _first_line(error))) if _is_memory(error) else _crash(error)

    def _train(self) -> End:
        start, damaged = self._start()
        config = RunConfig.model_validate(self.run.config)
        numerics = self._numerics(config)
        faults.point("attempt.before_begin")
        insist(lambda: transitions.begin(self.store, self.claim, numerics.as_dict()))
        if start is not None:
            self.recorder.summary(**self.run.summary)
        self.recorder.start()
        self._rewind(start, damaged)
        insist(lambda: manifest.write(self.store, self.claim.run))
        setting = insist(lambda: self._setting(config, numerics))
        return self._told(config, session.train(config, setting, self._place(), self.recorder, start))

    def _setting(self, config: RunConfig, numerics: Numerics) -> session.Setting:
        yardstick = standing.standing(self.store, config.data.model_dump())
        every = int(settings.get(self.store, settings.KEEP_EVERY))
        data_in = self.run.summary.get("data_in")
        return session.Setting(
            numerics, yardstick, self._asked, self.claim.attempt, every, self.run.pause_after, data_in if data_in in KINDS else None
        )

    def _numerics(self, config: RunConfig) -> Numerics:
        """Fixed when the run first starts, inherited by its later attempts."""
        if self.run.numerics is not None:
            return Numerics.from_dict(self.run.numerics)
        return measured.numerics(config, insist(lambda: slots.cores(self.store)), self.store.home.measured)

    def _rewind(self, start: Checkpoint | None, damaged: list[str]) -> None:
        """Take back what lies behind the start, in the store and for those who read along."""
        if self.claim.attempt == 1:
            return
        step, epoch = (0, 0) if start is None else (start.state.step, start.state.epoch)
        insist(lambda: keeping.rewind(self.store, self.claim, step))
        named = {kept.name for kept in keeping.of(self.store, self.claim.run)}
        for file in checkpoints.left_over(self.store.home.checkpoints(self.claim.run), named):
            file.unlink()
        fields = {"attempt": self.claim.attempt, "damaged": damaged}
        self.recorder.event(records.REWIND, step, epoch, fields)

    def _place(self) -> session.Place:
        home = self.store.home
        return session.Place(
            home.checkpoints(self.claim.run),
            home.samples(self.claim.run),
            home.cache,
            tuple(data_roots(home.root)),
            lambda wanted: insist(lambda: budget.require_room(self.store, wanted)),
            Shelf(home.weights, self._best_of),
        )

    def _best_of(self, run: int) -> Saved:
        """Where the best checkpoint of another run lies. Raises NotFound."""
        insist(lambda: runs.get(self.store, run))
        best = insist(lambda: keeping.best(self.store, run))
        return Saved(self.store.home.checkpoints(run), best.name, best.epoch)

    def _asked(self) -> session.Asked | None:
        if self.recorder.fenced:
            raise Fenced(self.claim.run)
        if self.recorder.asked(STOP):
            return "stop"
        if self.leave or self.recorder.asked(PAUSE):
            return "pause"
        return "step" if self.recorder.asked(STEP) else None

    def _told(self, config: RunConfig, outcome: session.Outcome) -> End:
        if outcome.why == "stop":
            return End(State.STOPPED, {"key": "errors.stopped", "fields": {}})
        if outcome.why == "pause":
            return End(State.PAUSED, {"key": "errors.paused", "fields": {}}) if self.recorder.asked(PAUSE) else End(None)
        if outcome.why == "step":
            return End(State.PAUSED, {"key": "errors.stepped", "fields": {"epoch": outcome.epoch}})
        if outcome.why == "time_limit":
            return End(State.STOPPED, {"key": "errors.time_limit", "fields": {"minutes": config.budget.time_limit}})
        if outcome.test is not None:
            result = runs.TestResult(**vars(outcome.test))
            insist(lambda: runs.set_test(self.store, self.claim, result))
        if outcome.why == "early_stopping":
            fields = {"epochs": config.budget.early_stopping, "epoch": outcome.epoch}
            return End(State.FINISHED, {"key": "errors.early_stopping", "fields": fields})
        return End(State.FINISHED)


def insist(ask: Callable[[], T]) -> T:
    """What the store answers; one that is locked, full or away is asked again and again. Raises StoreBusy at last."""
    give_up = time.monotonic() + PATIENCE
    while True:
        try:
            return ask()
        except StoreBusy as error:
            log.warning("waiting: %s", error)
            if time.monotonic() > give_up:
                raise
            time.sleep(AGAIN)


def _is_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def _file_trouble(error: OSError) -> End:
    if error.errno == errno.ENOSPC:
        return End(State.FAILED, {"key": "errors.disk_full", "fields": {"type": "OSError", "message": str(error)[:500]}})
    if isinstance(error, FileNotFoundError) and error.filename is not None:
        return End(State.FAILED, {"key": "errors.file_missing", "fields": {"file": str(error.filename)[:300]}})
    return _crash(error)


def _crash(error: BaseException) -> End:
    return End(State.FAILED, {"key": "errors.crashed", "fields": {"type": type(error).__name__, "message": str(error)[:500]}})


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
