"""A data folder with a real supervisor and real workers, for tests of what happens between processes."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from engine.config import RunConfig
from engine.jobs import launch
from engine.jobs.identity import alive
from engine.store import attempts, runs
from engine.store.attempts import Identity
from engine.store.connect import Store
from engine.store.home import Home
from engine.store.runs import Run, State
from tests.waiting import until

# A run of about a second once torch is imported.
SMALL = {"width": 0.25, "train_share": 0.3, "epochs": 2, "resolution": 16}
# A run that lasts until somebody ends it.
LONG = SMALL | {"epochs": 10_000}


class EngineRoom:
    """The folder, its store, and what tests do with them."""

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder)
        self.store = Store(self.home)

    def start(self, **knobs: object) -> int:
        return launch.submit(self.store, RunConfig.from_flat({**SMALL, **knobs}))

    def run(self, number: int) -> Run:
        return runs.get(self.store, number)

    def ended(self, number: int, seconds: float = 180.0) -> Run:
        until(lambda: self.run(number).state.ended, seconds)
        return self.run(number)

    def training(self, number: int) -> Run:
        """Wait until the first epoch is done."""
        until(lambda: self.run(number).state.ended or self.run(number).summary.get("epoch", 0) >= 1, 180.0)
        assert self.run(number).state is State.RUNNING, self.run(number)
        return self.run(number)

    def worker(self, number: int) -> Identity:
        found = next(attempt.identity for attempt in attempts.under_way(self.store) if attempt.claim.run == number)
        assert found is not None
        return found

    def kill_worker(self, number: int) -> None:
        """As the kernel does it: no word, no clean-up."""
        worker = self.worker(number)
        os.kill(worker.pid, signal.SIGKILL)
        until(lambda: not alive(worker))

    @contextmanager
    def halted(self, process: Identity) -> Iterator[None]:
        """Stop a process meanwhile, but not in the midst of writing: it would keep the store locked."""
        with self.store.write():
            os.kill(process.pid, signal.SIGSTOP)
            until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_STOPPED)
        try:
            yield
        finally:
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGCONT)

    def supervisor(self) -> Identity:
        def seen() -> Identity | None:
            presence = attempts.presence(self.store, launch.SUPERVISOR)
            return presence.identity if presence and alive(presence.identity) else None

        identity = until(seen)
        assert identity is not None
        return identity

    def close(self) -> None:
        """End this folder's processes, and only those."""
        for process in self._processes():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        for child in launch._started.pop(self.home, []):
            child.kill()
            child.wait()
        until(lambda: not self._processes())
        self.store.engine.dispose()

    def _processes(self) -> list[psutil.Process]:
        """Everything that was started with this folder as its home and still runs."""
        found = []
        for process in psutil.process_iter(["cmdline", "status"]):
            words = process.info["cmdline"] or []
            if str(self.home.root) in words and any(word.startswith("engine.jobs.") for word in words):
                found.append(process)
        return [process for process in found if process.info["status"] != psutil.STATUS_ZOMBIE]
