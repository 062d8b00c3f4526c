"""Which process is it? Boot id, pid and start time together; never the pid alone. Knows no run."""

import contextlib
import os
import signal
from pathlib import Path

import psutil

from engine.store.attempts import Identity


def boot_id() -> str:
    """A name for the time since this machine started."""
    file = Path("/proc/sys/kernel/random/boot_id")
    return file.read_text().strip() if file.exists() else f"{psutil.boot_time():.0f}"


def identify(pid: int | None = None) -> Identity:
    """The identity of a live process (default: this one). Raises ProcessLookupError when it is gone."""
    number = os.getpid() if pid is None else pid
    return Identity(boot_id(), number, _start(number))


def _start(pid: int) -> str:
    """When a process started, in a unit that no change of the clock touches where the system has one."""
    stat = Path(f"/proc/{pid}/stat")
    try:
        if stat.parent.parent.joinpath("self").exists():
            # Field 22, in clock ticks since boot; the name in field 2 may hold spaces and brackets.
            return stat.read_text().rpartition(")")[2].split()[19]
        return f"{psutil.Process(pid).create_time():.3f}"
    except (FileNotFoundError, ProcessLookupError, psutil.NoSuchProcess):
        raise ProcessLookupError(pid) from None


def alive(identity: Identity) -> bool:
    """Whether this very process still runs (a zombie does not)."""
    try:
        return identify(identity.pid) == identity and lives(identity.pid)
    except ProcessLookupError:
        return False


def lives(pid: int) -> bool:
    """Whether a process still runs. A zombie does not: it only waits for its parent to ask how it ended."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def kill_group(identity: Identity) -> None:
    """End a process and its group for good, if it is still the one we mean."""
    if alive(identity):
        with contextlib.suppress(ProcessLookupError):  # gone in between
            os.killpg(identity.pid, signal.SIGKILL)
