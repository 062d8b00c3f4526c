"""The supervisor: one per data folder. Gives queued runs to workers, sees every worker's end, names it in the store.

Knows no training and imports no torch; a fresh spare worker, torch imported, always waits for the next run.
"""

import argparse
import contextlib
import fcntl
import logging
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from json import dumps

from engine import __version__
from engine.errors import StoreError
from engine.jobs.identity import alive, identify, kill_group
from engine.jobs.launch import ring, start_supervisor
from engine.jobs.terms import SLOTS, STOP, SUPERVISOR
from engine.store import attempts, records, runs
from engine.store.attempts import Attempt
from engine.store.connect import Store
from engine.store.home import PROJECT, Home
from engine.store.runs import Claim, State

log = logging.getLogger("athanor.supervisor")

# Seconds between looks at the workers when nobody rings; also how often the supervisor says that it is there.
LOOK = 1.0
# A stopped worker finishes its step or evaluation and its writing; after this many seconds it is ended.
STOP_PATIENCE = 20.0
# A spare that died unused is not replaced for this many seconds: whatever killed it would kill the next.
SPARE_PAUSE = 30.0
# How long a new supervisor waits for one that is leaving to let go of the lock.
HANDOVER = 10.0
# With nothing to do for this many seconds the supervisor goes; the next Start brings a new one.
IDLE_EXIT = 1800.0


class Supervisor:
    """The loop and what it holds: the workers that are its children, the spare, and those it adopted."""

    def __init__(self, home: Home) -> None:
        self.store = Store(home)
        self.home = home
        self.identity = identify()
        self.workers: dict[Claim, subprocess.Popen[bytes]] = {}
        self.stopping: dict[Claim, float] = {}
        self.spare: subprocess.Popen[bytes] | None = None
        self.spare_at = 0.0
        self.busy_at = time.monotonic()
        self.leaving = False
        self.bell = _open_bell(home)

    def serve(self) -> None:
        """Until idle for long or asked to go. Workers outlive the supervisor; the spare does not."""
        signal.signal(signal.SIGTERM, self._leave)
        while not self._done():
            try:
                self._turn()
            except StoreError as error:
                log.warning("the store waits: %s", error)
            self._wait()
        attempts.withdraw(self.store, SUPERVISOR, self.identity)

    def _turn(self) -> None:
        attempts.announce(self.store, SUPERVISOR, __version__, self.identity)
        self._reap()
        for attempt in attempts.under_way(self.store):
            self._look_after(attempt)
        self._fill_slots()
        self._keep_spare()

    def _done(self) -> bool:
        """Whether to go. From here on nobody may believe to have woken us, so the bell is closed before the last look."""
        if not self.leaving and time.monotonic() - self.busy_at < IDLE_EXIT:
            return False
        signal.set_wakeup_fd(-1)
        os.close(self.bell)
        if not runs.listing(self.store, [State.QUEUED], limit=1):
            return True
        if self.leaving:
            start_supervisor(self.home)  # it waits for our lock
            return True
        self.bell, self.busy_at = _open_bell(self.home), time.monotonic()
        return False

    def _leave(self, *_: object) -> None:
        self.leaving = True

    def _reap(self) -> None:
        """Take note of the workers that have ended. One that told its end has changed nothing here."""
        for claim, worker in list(self.workers.items()):
            code = worker.poll()
            if code is not None:
                self._ended(claim, code)
                del self.workers[claim]

    def _look_after(self, attempt: Attempt) -> None:
        """End an attempt whose process is gone though it was not ours, and one that ignores Stop."""
        self.busy_at = time.monotonic()
        if attempt.claim not in self.workers and (attempt.identity is None or not alive(attempt.identity)):
            log.warning("run %s: its process is gone", attempt.claim.run)
            runs.end(self.store, attempt.claim, State.LOST, {"key": "errors.worker_vanished", "fields": {}})
        elif attempt.identity is not None and self._ignores_stop(attempt.claim):
            log.warning("run %s does not stop; ending its process", attempt.claim.run)
            kill_group(attempt.identity)
            runs.end(self.store, attempt.claim, State.STOPPED, {"key": "errors.stopped", "fields": {}})

    def _ignores_stop(self, claim: Claim) -> bool:
        """Whether the run has been asked to stop and had time to. Counted from when this supervisor first saw it."""
        if not records.asked(self.store, claim.run, STOP):
            return False
        return time.monotonic() - self.stopping.setdefault(claim, time.monotonic()) > STOP_PATIENCE

    def _ended(self, claim: Claim, code: int) -> None:
        """A worker that told its end is believed; any other end is named here."""
        if code < 0:
            name = signal.strsignal(-code) or str(-code)
            reason = {"key": "errors.worker_killed", "fields": {"signal": -code, "name": name}}
        else:
            reason = {"key": "errors.worker_exited", "fields": {"code": code}}
        if runs.end(self.store, claim, State.FAILED, reason):
            log.warning("run %s: worker ended with %s", claim.run, code)

    def _fill_slots(self) -> None:
        """Give the next queued runs to workers while there is room."""
        while len(attempts.under_way(self.store)) < SLOTS:
            claim = runs.claim(self.store)
            if claim is None:
                return
            self._give(claim)

    def _give(self, claim: Claim) -> None:
        """Hand the claim to the spare. If the store does not take the worker's name, the worker goes unused and the run is lost."""
        worker, self.spare = self._living_spare() or self._start_worker(), None
        with contextlib.suppress(BrokenPipeError), worker.stdin as pipe:  # type: ignore[union-attr]
            attempts.assign(self.store, claim, identify(worker.pid))
            self.workers[claim] = worker
            pipe.write(dumps(asdict(claim)).encode() + b"\n")
        log.info("run %s: attempt %s in process %s", claim.run, claim.attempt, worker.pid)

    def _living_spare(self) -> subprocess.Popen[bytes] | None:
        return self.spare if self.spare is not None and self.spare.poll() is None else None

    def _keep_spare(self) -> None:
        """Replace the spare, but never while a run is starting: its import would take the cores from the first epoch."""
        if self.spare is not None and self.spare.poll() is not None:
            log.warning("the spare worker ended with %s before it was used", self.spare.returncode)
            self.spare, self.spare_at = None, time.monotonic() + SPARE_PAUSE
        starting = any(attempt.state is State.STARTING for attempt in attempts.under_way(self.store))
        if self.spare is None and not starting and time.monotonic() >= self.spare_at:
            self.spare = self._start_worker()

    def _start_worker(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "engine.jobs.worker", "--home", str(self.home.root)],
            cwd=PROJECT, stdin=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    def _wait(self) -> None:
        """Sleep until somebody rings, a child ends, or it is time to look again."""
        if select.select([self.bell], [], [], LOOK)[0]:
            os.read(self.bell, 65536)


@contextlib.contextmanager
def only_one(home: Home) -> Iterator[bool]:
    """Hold the supervisor's lock of this folder; yields False when another serves. The kernel frees it with the process."""
    with home.lock.open("a") as file:
        give_up = time.monotonic() + HANDOVER
        while not (mine := _locked(file.fileno())) and time.monotonic() < give_up and not ring(home):
            time.sleep(0.05)  # the holder has closed its bell: it is about to go
        yield mine


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _open_bell(home: Home) -> int:
    """The named pipe, held open at both ends so that it never reports its end; children's deaths ring it too."""
    if not home.bell.is_fifo():
        home.bell.unlink(missing_ok=True)  # a copied data folder may hold a plain file of this name
        os.mkfifo(home.bell, 0o600)
    pipe = os.open(home.bell, os.O_RDWR | os.O_NONBLOCK)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(pipe, warn_on_full_buffer=False)
    return pipe


def main() -> int:
    parser = argparse.ArgumentParser(prog="engine.jobs.supervisor")
    parser.add_argument("--home", required=True)
    home = Home.find(parser.parse_args().home)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    with only_one(home) as mine:
        if mine:
            log.info("supervisor %s of %s", __version__, home.root)
            Supervisor(home).serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())
