"""What pages and the command line call: queue a run, stop it, see that a supervisor is there. Imports no torch."""

import os
import signal
import subprocess
import sys
from pathlib import PurePath

from engine import __version__
from engine.catalog import ARCHITECTURES, DATASETS
from engine.config import CONFIG_VERSION, RunConfig
from engine.folders import data_roots, find_tree, one_line
from engine.jobs.identity import alive
from engine.jobs.terms import STOP, SUPERVISOR
from engine.store import attempts, records, runs
from engine.store.connect import Store
from engine.store.home import PROJECT, Home

# The last supervisor this process has started for a folder.
_started: dict[Home, subprocess.Popen[bytes]] = {}


def submit(store: Store, config: RunConfig, launch_key: str | None = None) -> int:
    """Queue a run and see that somebody takes it. The same `launch_key` twice is the same run, however often it is pressed.

    Raises DataError when the dataset is neither known nor a folder.
    """
    if config.data.dataset not in DATASETS:
        find_tree(config.data.dataset, data_roots(store.home.root))
    number = runs.create(store, config.model_dump(mode="json"), CONFIG_VERSION, _name(config), launch_key)
    ensure_supervisor(store)
    return number


def _name(config: RunConfig) -> str:
    known = DATASETS.get(config.data.dataset)
    dataset = known.label if known else one_line(PurePath(config.data.dataset).name)
    return f"{dataset}, {ARCHITECTURES[config.model.architecture].label}"


def stop(store: Store, number: int) -> None:
    """Ask a run to stop; a queued one is stopped at once, an ended one stays as it is."""
    run = runs.get(store, number)
    if not run.state.ended and not runs.stop_queued(store, number):
        records.command(store, number, STOP)
        ensure_supervisor(store)


def supervisor_version(store: Store) -> str | None:
    """The version of the supervisor that is alive now, or None."""
    seen = attempts.presence(store, SUPERVISOR)
    return seen.version if seen is not None and alive(seen.identity) else None


def ensure_supervisor(store: Store) -> None:
    """Wake the supervisor of this folder; start one, detached, when there is none, or when it is of another version.

    Workers outlive their supervisor, so replacing it disturbs no run.
    """
    seen = attempts.presence(store, SUPERVISOR)
    if seen is not None and seen.version != __version__ and alive(seen.identity):
        os.kill(seen.identity.pid, signal.SIGTERM)
        start_supervisor(store.home)
    elif not ring(store.home) and not _starting(store.home):
        start_supervisor(store.home)


def ring(home: Home) -> bool:
    """Wake the supervisor; False when nobody listens."""
    try:
        if not home.bell.is_fifo():
            return False
        pipe = os.open(home.bell, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        os.write(pipe, b".")
    except BlockingIOError:
        pass  # a full pipe has woken it already
    except BrokenPipeError:
        return False
    finally:
        os.close(pipe)
    return True


def _starting(home: Home) -> bool:
    """Whether a supervisor of this folder that this process has started lives: it will look into the queue by itself."""
    child = _started.get(home)
    return child is not None and child.poll() is None


def start_supervisor(home: Home) -> None:
    """A new session, so that neither Ctrl-C nor the end of the server reaches it. Two at once: the lock keeps one."""
    home.root.mkdir(parents=True, exist_ok=True)
    with home.supervisor_log.open("ab") as log:
        _started[home] = subprocess.Popen(
            [sys.executable, "-m", "engine.jobs.supervisor", "--home", str(home.root)],
            cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
