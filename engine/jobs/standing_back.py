"""How far a process stands back for the others: the nice value of its session, and threads that run when nobody else wants to.

Each of our processes leads a session of its own. Where Linux groups by session (autogroup, as desktops do), the processor is shared
between sessions first, so nice values order only the threads of one session, and the session has a nice value of its own. In a
control group, as services have one, it is the other way round. Knows no process by name.
"""

import os
import time
from contextlib import suppress
from pathlib import Path
from threading import Lock, Thread

SESSION = Path("/proc/self/autogroup")
THREADS = Path("/proc/self/task")
# Behind everybody: 15 parts to the 1,024 of the usual 0.
LAST = 19
# Seconds between two tries, and how many. Without privileges the kernel takes one such change in a tenth of a second, of all
# processes together.
PAUSE, TRIES = 0.02, 500


class Session:
    """The nice value of this process's session. Unlike that of a process it may rise again; what was asked last holds."""

    def __init__(self, file: Path = SESSION) -> None:
        self.file = file
        self._asked = 0
        self._lock = Lock()

    def set(self, value: int) -> None:
        """0 to 19. Nobody waits for it. Nothing happens in the session of others, and where sessions have no such value."""
        if value == self._asked or os.getsid(0) != os.getpid():
            return
        self._asked = value
        Thread(target=self._write, args=(value,), name="stand back", daemon=True).start()

    def _write(self, value: int) -> None:
        with self._lock:
            for _ in range(TRIES):
                if self._asked != value or _put(self.file, value):
                    return
                time.sleep(PAUSE)


def _put(file: Path, value: int) -> bool:
    """False when the kernel says to come again."""
    try:
        place = os.open(file, os.O_WRONLY)
    except OSError:  # another system, or sessions are not grouped
        return True
    try:
        os.write(place, str(value).encode())
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        os.close(place)
    return True


session = Session()


def idle(thread: int | None) -> None:
    """A thread, and those that it starts, run when nobody else wants the processor. Elsewhere than on Linux at the usual priority."""
    if hasattr(os, "SCHED_IDLE") and thread is not None:
        with suppress(OSError):  # gone already, or not ours to decide
            os.sched_setscheduler(thread, os.SCHED_IDLE, os.sched_param(0))


def usual() -> None:
    """All threads of this process at the usual priority again. Only the privileged may; for others a thread stays as it is."""
    if hasattr(os, "SCHED_IDLE") and THREADS.is_dir():
        for thread in THREADS.iterdir():
            with suppress(OSError):
                os.sched_setscheduler(int(thread.name), os.SCHED_OTHER, os.sched_param(0))
