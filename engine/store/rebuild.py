"""A lost or damaged store made anew from the run folders. What lies in the store already stays as it is."""

from engine.store import restoring
from engine.store.connect import Store
from engine.store.home import Home
from engine.store.restoring import Rebuilt

__all__ = ["Rebuilt", "rebuild", "renew"]


def rebuild(store: Store) -> Rebuilt:
    """Restore the runs that the store does not have. A second time it finds nothing to do."""
    with store.write() as connection:
        return restoring.restore(connection, store.home)


def renew(home: Home) -> Rebuilt:
    """Set the database aside when any page of it is damaged, then rebuild. Raises StoreError; other processes open it again."""
    store = Store(home, thorough=True)
    try:
        return store.rebuilt or rebuild(store)
    finally:
        store.engine.dispose()
