"""Waiting for a condition of another process, never for a time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(condition: Callable[[], T], seconds: float = 120.0) -> T:
    """The first true value of `condition`; fails when there is none within `seconds`, nor at a last look after them."""
    deadline, late = time.monotonic() + seconds, False
    while not (value := condition()):
        if late:
            raise AssertionError(f"still not true after {seconds} s: {condition}")
        late = time.monotonic() > deadline  # perhaps only because this process stood still
        time.sleep(0.02)
    return value
