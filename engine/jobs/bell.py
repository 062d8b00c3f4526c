"""Bells: named pipes by which one process wakes another. Knows neither who listens nor why."""

import os
from pathlib import Path


def hang(place: Path) -> int:
    """Make the pipe and hold it open at both ends, so that it never reports its end; what else lies in its place is removed."""
    if not place.is_fifo():
        place.unlink(missing_ok=True)  # a copied data folder may hold a plain file of this name
        os.mkfifo(place, 0o600)
    return os.open(place, os.O_RDWR | os.O_NONBLOCK)


def ring(place: Path) -> bool:
    """Wake whoever listens; False when nobody does."""
    try:
        if not place.is_fifo():
            return False
        pipe = os.open(place, os.O_WRONLY | os.O_NONBLOCK)
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
