"""What one slot may take of this machine."""

import os

from engine.store import settings
from engine.store.connect import Store


def cores(store: Store) -> int:
    """Processor cores of a slot; at least one."""
    return max(1, (os.cpu_count() or 1) // int(settings.get(store, settings.SLOTS)))


def count(store: Store) -> int:
    """How many runs train at once."""
    return int(settings.get(store, settings.SLOTS))
