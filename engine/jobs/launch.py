"""What pages and the command line call: queue a run, stop it, see that a supervisor is there. Imports no torch."""

import contextlib
import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator

from engine import __version__
from engine.catalog import ARCHITECTURES, DATASETS
from engine.config import CONFIG_VERSION, RunConfig
from engine.folders import data_roots, find_tree
from engine.jobs.identity import alive
from engine.store import attempts, records, runs
from engine.store.connect import Store
from engine.store.home import PROJECT, Home

SUPERVISOR = "supervisor"
STOP = "stop"
# Runs that train at the same time; their workers share the cores.
SLOTS = 1
# The supervisors this process has started, so that one that has ended is buried when the next is born.
_started: list[subprocess.Popen[bytes]] = []


def submit(store: Store, config: RunConfig, launch_key: str | None = None) -> int:
    """Queue a run and see that somebody takes it. The same `launch_key` twice is the same run, however often it is pressed.

    Raises DataError when the dataset is neither known nor a folder.
    """
    if config.data.dataset not in DATASETS:
        find_tree(config.data.dataset, data_roots(store.home.root))
    number = runs.create(store, config.model_dump(mode="json"), CONFIG_VERSION, _name(config), launch_key)
    ensure_supervisor(store.home)
    return number


def _name(config: RunConfig) -> str:
    dataset = DATASETS[config.data.dataset].label if config.data.dataset in DATASETS else config.data.dataset.rstrip("/").rpartition("/")[2]
    return f"{dataset}, {ARCHITECTURES[config.model.architecture].label}"


def stop(store: Store, number: int) -> None:
    """Ask a run to stop; a queued one is stopped at once, an ended one stays as it is."""
    run = runs.get(store, number)
    if not run.state.ended and not runs.stop_queued(store, number):
        records.command(store, number, STOP)
        ring(store.home)


def supervisor_version(store: Store) -> str | None:
    """The version of the supervisor that is alive now, or None."""
    seen = attempts.presence(store, SUPERVISOR)
    return seen.version if seen is not None and alive(seen.identity) else None


def ensure_supervisor(home: Home) -> None:
    """Wake the supervisor of this folder; start one, detached, when there is none."""
    if not ring(home):
        _start_supervisor(home)


def ring(home: Home) -> bool:
    """Wake the supervisor; False when nobody listens."""
    with contextlib.suppress(OSError):
        pipe = os.open(home.bell, os.O_WRONLY | os.O_NONBLOCK)
        with contextlib.suppress(BlockingIOError):  # a full pipe has woken it already
            os.write(pipe, b".")
        os.close(pipe)
        return True
    return False


def _start_supervisor(home: Home) -> None:
    """A new session, so that neither Ctrl-C nor the end of the server reaches it. Two at once: the lock keeps one."""
    home.root.mkdir(parents=True, exist_ok=True)
    _started[:] = [child for child in _started if child.poll() is None]
    with home.supervisor_log.open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "engine.jobs.supervisor", "--home", str(home.root)],
            cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    _started.append(child)


@contextlib.contextmanager
def only_one(home: Home) -> Iterator[bool]:
    """Hold the supervisor's lock of this folder; yields False when another holds it. The kernel frees it with the process."""
    home.root.mkdir(parents=True, exist_ok=True)
    with home.lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def version() -> str:
    """The version that server, command line and supervisor compare."""
    return __version__
