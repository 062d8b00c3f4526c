"""The worker process: imports torch, waits for one claim on its standard input, does that job, tells how it ended.

The only module of the job side that may import the torch side. A failure is stored as data; its trace is in the run's log.
"""

import argparse
import errno
import json
import logging
import os
import sys
import traceback
from collections.abc import Callable

import torch

from engine.config import RunConfig
from engine.errors import AthanorError, Fenced, StoreBusy
from engine.folders import data_roots
from engine.jobs.recorder import Recorder
from engine.jobs.terms import SLOTS, STOP
from engine.store import runs, standing
from engine.store.connect import Store
from engine.store.home import Home
from engine.store.runs import Claim, Run, State
from engine.training import session
from engine.training.happenings import Diverged
from engine.training.numerics import Numerics, choose

log = logging.getLogger("athanor.worker")

TRIES = 30


def main() -> int:
    parser = argparse.ArgumentParser(prog="engine.jobs.worker")
    parser.add_argument("--home", required=True)
    home = Home.find(parser.parse_args().home)
    line = sys.stdin.buffer.readline()
    if not line:
        return 0  # the supervisor went before there was anything to do
    claim = Claim(**json.loads(line))
    _log_to(home, claim)
    return work(Store(home), claim)


def _log_to(home: Home, claim: Claim) -> None:
    """Everything this process prints from now on stands in the run's log."""
    home.run(claim.run).mkdir(parents=True, exist_ok=True)
    with home.log(claim.run).open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr, force=True)
    log.info("run %s, attempt %s, process %s", claim.run, claim.attempt, os.getpid())


def work(store: Store, claim: Claim) -> int:
    """Do the job and store how it ended; 0 when the store has been told or another has ended the attempt."""
    run = runs.get(store, claim.run)
    recorder = Recorder(store, claim)
    try:
        state, reason = _attempt(store, claim, run, recorder)
    except Fenced:
        recorder.fenced = True
    recorder.close()
    if recorder.fenced:
        log.warning("this attempt was ended by others; nothing more is written")
        return 0
    log.info("%s %s", state, reason or "")
    _insist(lambda: runs.end(store, claim, state, reason))
    return 0


def _insist(write: Callable[[], object]) -> None:
    """Writes that must not be lost: a busy store is asked again, each time for ten seconds. Raises StoreBusy at last."""
    for left in reversed(range(TRIES)):
        try:
            write()
            return
        except StoreBusy as error:
            log.warning("waiting: %s", error)
            if not left:
                raise


def _attempt(store: Store, claim: Claim, run: Run, recorder: Recorder) -> tuple[State, dict[str, object] | None]:
    """The job itself, with every kind of failure turned into a state and a reason."""
    try:
        config = RunConfig.model_validate(run.config)
        numerics = _numerics(config, run)
        _insist(lambda: runs.begin(store, claim, numerics.as_dict()))
        recorder.start()
        return _train(store, claim, config, numerics, recorder)
    except Diverged as error:
        return State.DIVERGED, error.as_reason()
    except Fenced:
        raise
    except AthanorError as error:
        return State.FAILED, error.as_reason()
    except (MemoryError, RuntimeError) as error:
        log.error(traceback.format_exc())
        return (State.OUT_OF_MEMORY, _memory(error, run)) if _is_memory(error) else (State.FAILED, _crash(error))
    except OSError as error:
        log.error(traceback.format_exc())
        key = "errors.disk_full" if error.errno == errno.ENOSPC else "errors.crashed"
        return State.FAILED, {"key": key, "fields": _crash(error)["fields"]}
    except Exception as error:
        log.error(traceback.format_exc())
        return State.FAILED, _crash(error)


def _numerics(config: RunConfig, run: Run) -> Numerics:
    """Fixed when the run first starts, inherited by its later attempts."""
    if run.numerics is not None:
        return Numerics.from_dict(run.numerics)
    return choose(config, cores=(os.cpu_count() or 1) // SLOTS)


def _train(store: Store, claim: Claim, config: RunConfig, numerics: Numerics, recorder: Recorder) -> tuple[State, dict[str, object] | None]:
    home = store.home
    place = session.Place(home.run(claim.run), home.cache, tuple(data_roots(home.root)))
    reference = standing.reference_accuracy(store, config.data.dataset)
    setting = session.Setting(numerics, reference, stop=lambda: recorder.fenced or recorder.asked(STOP))
    outcome = session.train(config, setting, place, recorder)
    if outcome.ended.reason == "stopped":
        return State.STOPPED, {"key": "errors.stopped", "fields": {}}
    if outcome.test is not None:
        result = runs.TestResult(**vars(outcome.test))
        _insist(lambda: runs.set_test(store, claim, result))
    if outcome.ended.reason == "early_stopping":
        fields = {"epochs": config.budget.early_stopping, "epoch": outcome.ended.epoch}
        return State.FINISHED, {"key": "errors.early_stopping", "fields": fields}
    return State.FINISHED, None


def _is_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def _memory(error: BaseException, run: Run) -> dict[str, object]:
    message = (str(error).splitlines() or [type(error).__name__])[0][:200]
    fields = {"message": message, "batch": run.knobs["batch_size"], "resolution": run.knobs["resolution"]}
    return {"key": "errors.out_of_memory", "fields": fields}


def _crash(error: BaseException) -> dict[str, object]:
    return {"key": "errors.crashed", "fields": {"type": type(error).__name__, "message": str(error)[:500]}}


if __name__ == "__main__":
    sys.exit(main())
