"""The supervisor: one per data folder. Gives queued runs to workers, sees every worker's end, names it in the store.

Knows no training and imports no torch; a fresh spare worker, torch imported, always waits for the next run, and the servant
answers questions beside the training. Keeps house when nothing presses: the log of the store, the series of ended runs.
"""

import argparse
import contextlib
import fcntl
import logging
import os
import select
import signal
import sys
import time
from collections.abc import Iterator

from engine import __version__, faults
from engine.errors import NotFound, StoreBusy, StoreError
from engine.jobs import bell, lease, memory
from engine.jobs.crew import Crew, Death
from engine.jobs.identity import identify, kill_group
from engine.jobs.launch import start_supervisor
from engine.jobs.terms import SUPERVISOR
from engine.jobs.watching import Finding, Watch
from engine.store import attempts, manifest, packing, requests, runs, settings, transitions
from engine.store.attempts import Attempt
from engine.store.connect import Store
from engine.store.home import Home
from engine.store.runs import Claim, State

log = logging.getLogger("athanor.supervisor")

# Seconds between looks at the workers when nobody rings; also how often the supervisor says that it is there.
LOOK = 1.0
# How long a new supervisor waits for one that is leaving to let go of the lock.
HANDOVER = 10.0
# With nothing to do for this many seconds the supervisor goes; the next Start brings a new one.
IDLE_EXIT = 1800.0
# Seconds until a run folder that could not be written is tried again.
LAID_BY = 60.0
# Seconds before a crashed run is tried again; each further crash in a row takes so many times as long.
BACK_OFF, GROWTH = 1.0, 4.0

# What is written of an attempt that had to be ended.
ENDED: dict[Finding, tuple[State, str]] = {
    "ignores stop": (State.STOPPED, "errors.stopped"),
    "ignores pause": (State.PAUSED, "errors.paused_by_force"),
    "over time": (State.STOPPED, "errors.time_limit"),
}


class Supervisor:
    """The loop and what it holds: its children, what it watches, and the runs that rest after a crash."""

    def __init__(self, store: Store, idle_exit: float = IDLE_EXIT) -> None:
        self.store = store
        self.home = store.home
        self.identity = identify()
        self.crew = Crew(self.store)
        self.watch = Watch(self.store)
        self.resting: dict[int, float] = {}
        self.unwritten: set[int] = set()
        self.laid_by: dict[int, float] = {}
        self.idle_exit = idle_exit
        self.busy_at = time.monotonic()
        self.leaving = False
        self.bell = _hang_bell(store.home)

    def serve(self) -> None:
        """Until idle for long or asked to go. Workers outlive the supervisor; spare and servant do not."""
        signal.signal(signal.SIGTERM, self._leave)
        while not self._done():
            try:
                self._turn()
            except (StoreError, OSError) as error:
                log.warning("the store waits: %s", error)
                if self.store.replaced:
                    self._follow_store()
                    return
            self._wait()
        with contextlib.suppress(StoreError):  # whoever looks sees that our process is gone
            attempts.withdraw(self.store, SUPERVISOR, self.identity)

    def _follow_store(self) -> None:
        """The store is another one now, or gone with its folder: what this supervisor knows is void, and the next begins afresh."""
        if self.home.root.is_dir():
            start_supervisor(self.home)

    def _turn(self) -> None:
        try:
            attempts.announce(self.store, SUPERVISOR, __version__, self.identity)
        except StoreBusy as error:  # perhaps a worker hangs that holds the lock: it must still be looked after
            log.warning("not announced: %s", error)
        for death in self.crew.dead():
            self._died(death)
        under_way = attempts.under_way(self.store)
        for attempt in under_way:
            self._look_after(attempt)
        self.watch.forget(under_way)
        self._fill_slots()
        self._keep_standing()
        self._keep_house()

    def _done(self) -> bool:
        """Whether to go. From here on nobody may believe to have woken us, so the bell is closed before the last look."""
        if not self.leaving and time.monotonic() - self.busy_at < self.idle_exit:
            return False
        signal.set_wakeup_fd(-1)
        os.close(self.bell)
        if not self._wanted():
            return True
        if self.leaving:
            start_supervisor(self.home)  # it waits for our lock
            return True
        self.bell, self.busy_at = _hang_bell(self.home), time.monotonic()
        return False

    def _wanted(self) -> bool:
        """Whether a run waits, or a question; a store that does not say so now is asked again by whoever comes next."""
        try:
            return bool(runs.listing(self.store, [State.QUEUED], limit=1)) or requests.pending(self.store)
        except StoreError:
            return True

    def _leave(self, *_: object) -> None:
        self.leaving = True

    def _look_after(self, attempt: Attempt) -> None:
        """Give back what nobody works on; end what does not leave when asked."""
        self.busy_at = time.monotonic()
        claim, finding = attempt.claim, self.watch.look(attempt, attempt.claim in self.crew.workers)
        if finding == "never began":
            transitions.unclaim(self.store, claim, {"key": "errors.never_began", "fields": {}})
        elif finding == "gone":
            self._crashed(claim, State.LOST, {"key": "errors.worker_vanished", "fields": {}})
        elif finding is not None and attempt.identity is not None:
            log.warning("run %s %s; ending its process", claim.run, finding)
            kill_group(attempt.identity)
            state, key = ENDED[finding]
            fields = {"minutes": runs.get(self.store, claim.run).knobs["time_limit"]} if finding == "over time" else {}
            transitions.end(self.store, claim, state, {"key": key, "fields": fields})

    def _died(self, death: Death) -> None:
        """A worker that told its end is believed; any other end is named here."""
        self.unwritten.add(death.claim.run)
        if death.code == -signal.SIGKILL and death.memory:
            reason = memory.ran_out(runs.get(self.store, death.claim.run), signal.strsignal(signal.SIGKILL) or "")
            transitions.end(self.store, death.claim, State.OUT_OF_MEMORY, reason)
        elif death.code < 0:
            name = signal.strsignal(-death.code) or str(-death.code)
            self._crashed(death.claim, State.FAILED, {"key": "errors.worker_killed", "fields": {"signal": -death.code, "name": name}})
        else:
            self._crashed(death.claim, State.FAILED, {"key": "errors.worker_exited", "fields": {"code": death.code}})

    def _crashed(self, claim: Claim, state: State, reason: dict[str, object]) -> None:
        """Try again after a rest; a run that crashes again and again is given up, and the queue goes on."""
        again = transitions.crashed(self.store, claim, state, reason)
        if again is None:
            return
        log.warning("run %s, attempt %s: %s; %s", claim.run, claim.attempt, reason, "tried again" if again else "given up")
        crashes = runs.get(self.store, claim.run).crashes
        self.resting[claim.run] = time.monotonic() + BACK_OFF * GROWTH ** (crashes - 1)

    def _fill_slots(self) -> None:
        """Give the next queued runs to workers while there is room."""
        self.resting = {run: until for run, until in self.resting.items() if until > time.monotonic()}
        if self.resting:
            self.busy_at = time.monotonic()
        while len(attempts.under_way(self.store)) < settings.get(self.store, settings.SLOTS):
            claim = transitions.claim(self.store, held=self.resting)
            if claim is None:
                return
            faults.point("supervisor.claimed")
            self.crew.give(claim)

    def _keep_standing(self) -> None:
        """Replace spare and servant, but never while a run is starting: their import would take the cores from its first epoch.

        The servant comes with the first question.
        """
        if not any(attempt.state is State.STARTING for attempt in attempts.under_way(self.store)):
            self.crew.spare.keep()
            if self.crew.servant.process is not None or requests.pending(self.store):
                self.crew.servant.keep()

    def _keep_house(self) -> None:
        """One small piece at a time, so that a Start never waits for it; a folder that cannot be written costs nobody else anything."""
        self.store.checkpoint_wal()
        now = time.monotonic()
        run = next((run for run in [*self.unwritten, *packing.due(self.store)] if self.laid_by.get(run, 0.0) <= now), None)
        if run is None:
            return
        try:
            manifest.write(self.store, run)
            packing.pack(self.store, run)
        except NotFound:
            pass  # deleted meanwhile
        except (OSError, ValueError) as error:
            log.warning("run %s: its folder cannot be kept now: %s", run, error)
            self.laid_by[run] = now + LAID_BY
            return
        self.unwritten.discard(run)

    def _wait(self) -> None:
        """Sleep until somebody rings, a child ends, or it is time to look again."""
        if select.select([self.bell], [], [], LOOK)[0]:
            os.read(self.bell, 65536)


@contextlib.contextmanager
def only_one(home: Home) -> Iterator[bool]:
    """Hold the supervisor's lock of this folder; yields False when another serves. The kernel frees it with the process."""
    with home.lock.open("a") as file:
        give_up = time.monotonic() + HANDOVER
        while not (mine := _locked(file.fileno())) and time.monotonic() < give_up and not bell.ring(home.bell):
            time.sleep(0.05)  # the holder has closed its bell: it is about to go
        yield mine


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _hang_bell(home: Home) -> int:
    """The bell, which children's deaths ring too."""
    pipe = bell.hang(home.bell)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(pipe, warn_on_full_buffer=False)
    return pipe


def main() -> int:
    parser = argparse.ArgumentParser(prog="engine.jobs.supervisor")
    parser.add_argument("--home", required=True)
    parser.add_argument("--idle", type=float, default=IDLE_EXIT, help="seconds without work after which it goes")
    given = parser.parse_args()
    home = Home.find(given.home)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    with only_one(home) as mine:
        if not mine:
            return 0
        store = Store(home, thorough=True)  # a store with hidden damage is set aside now, before anybody relies on it
        lease.declare(store)
        with store.sole() as alone:
            if alone:
                log.info("supervisor %s of %s", __version__, home.root)
                Supervisor(store, given.idle).serve()
            else:
                log.warning("another supervisor serves this store from another data folder")
    return 0


if __name__ == "__main__":
    sys.exit(main())
