"""The supervisor's own children: a worker for each run it has given out, the warm spare, the servant. Knows no queue.

Nothing forks after importing torch: each is a fresh interpreter in a session of its own.
"""

import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from json import dumps

from engine.jobs import memory
from engine.jobs.identity import identify
from engine.store import attempts
from engine.store.connect import Store
from engine.store.home import PROJECT
from engine.store.runs import Claim

log = logging.getLogger("athanor.supervisor")

# A spare or a servant that died is not replaced for this many seconds: whatever killed it would kill the next.
REST = 5.0
LONGEST_REST = 300.0

Process = subprocess.Popen[bytes]


@dataclass(frozen=True)
class Death:
    """A worker that has ended: its exit code, and whether the kernel has ended somebody for memory meanwhile."""

    claim: Claim
    code: int
    memory: bool


class Standing:
    """A process that is always there, if it can be: started when wanted, after a death only when it has rested."""

    def __init__(self, module: str, home: str) -> None:
        self.command = [sys.executable, "-m", module, "--home", home]
        self.process: Process | None = None
        self.rest = REST
        self.not_before = 0.0

    def keep(self) -> None:
        """Start it unless it lives; the longer the oftener it has died."""
        if self.living() is not None:
            return
        if self.process is not None:
            log.warning("%s ended with %s", self.command[2], self.process.returncode)
            self.process, self.not_before, self.rest = None, time.monotonic() + self.rest, min(self.rest * 2, LONGEST_REST)
        if time.monotonic() >= self.not_before:
            self.process = start(self.command)

    def living(self) -> Process | None:
        return self.process if self.process is not None and self.process.poll() is None else None

    def take(self) -> Process:
        """The process, no longer ours to keep; if there is none, one is started now and told that it is wanted."""
        process, self.process, self.rest = self.living() or start([*self.command, "--wanted"]), None, REST
        return process


def start(command: list[str]) -> Process:
    """A child in a new session, its standard input a pipe that ends when the supervisor does."""
    return subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, start_new_session=True)


class Crew:
    """The children of this supervisor."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.workers: dict[Claim, tuple[Process, int]] = {}
        self.spare = Standing("engine.jobs.worker", str(store.home.root))
        self.servant = Standing("engine.jobs.servant", str(store.home.root))

    def give(self, claim: Claim) -> None:
        """Hand a claim to the spare. Raises StoreBusy when the store does not take its name; then the spare stays."""
        worker = self.spare.take()
        try:
            attempts.assign(self.store, claim, identify(worker.pid))
        except Exception:
            self.spare.process = worker
            raise
        self.workers[claim] = (worker, memory.kills())
        with suppress(BrokenPipeError), worker.stdin as pipe:  # type: ignore[union-attr]
            pipe.write(dumps(asdict(claim)).encode() + b"\n")
        log.info("run %s: attempt %s in process %s", claim.run, claim.attempt, worker.pid)

    def dead(self) -> Iterator[Death]:
        """The workers that have ended since the last call. Forgotten only after the caller has dealt with one."""
        for claim, (worker, kills) in list(self.workers.items()):
            code = worker.poll()
            if code is not None:
                yield Death(claim, code, memory.kills() > kills)
                del self.workers[claim]
