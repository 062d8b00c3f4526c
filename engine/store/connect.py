"""How the store is opened: a file of the data folder, or a PostgreSQL database when `$ATHANOR_STORE` names one.

Reads, writes and their errors are the same for both. Knows no table but by the modules that make, migrate and rebuild them.
"""

import json
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from engine.errors import StoreError
from engine.store import damage, migrate, restoring
from engine.store.home import Home
from engine.store.library import library
from engine.store.postgres import PostgreSQL
from engine.store.restoring import Rebuilt
from engine.store.sqlite import SQLite
from engine.store.tables import SCHEMA_VERSION

__all__ = ["VARIABLE", "Store", "library", "open_store"]

VARIABLE = "ATHANOR_STORE"


class Store:
    """An open store: `read()` and `write()` give connections, `home` gives the files beside it.

    `rebuilt` is what came out of the run folders when the database was new. `thorough`: every page of the file is looked at
    first. Raises StoreError when it cannot be opened.
    """

    def __init__(self, home: Home, url: str | None = None, thorough: bool = False) -> None:
        self.home = home
        self.rebuilt: Rebuilt | None = None
        url = url or os.environ.get(VARIABLE)
        try:
            home.data.mkdir(parents=True, exist_ok=True)
            self._backend = PostgreSQL(url, _json) if url else SQLite(home, _json)
            self.engine = self._backend.engine
            self._open(thorough)
        except OSError as error:
            raise StoreError("errors.store_unusable", path=str(home.root), message=error.strerror or str(error)) from error

    def _open(self, thorough: bool) -> None:
        try:
            with self._backend.opening(thorough) as aside:
                self._bring_up(aside)
        except BaseException:
            self.engine.dispose()
            raise

    @property
    def place(self) -> str:
        """Where the store lies, for people: no account and no password."""
        return self._backend.place

    @property
    def mark(self) -> str:
        """What tells this store from others of the same data folder; equal for whoever opens it by the same address."""
        return self._backend.mark

    @property
    def replaced(self) -> bool:
        """Whether the database was set aside and made anew since it was opened; only opening it again helps."""
        return self._backend.replaced

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A connection whose every statement sees the newest committed state. Raises StoreError when the file is damaged."""
        with self._told(writing=False), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[sa.Connection]:
        """A connection whose statements all see the state of one moment. Raises StoreError."""
        options = self._backend.reading_at_once
        with self._told(writing=False), self.engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction that holds the writers' lock from its start, so that it never fails half-way for want of it.

        Raises StoreBusy when the lock, or room on the disk, is not to be had within ten seconds; nothing is written then.
        """
        options = self._backend.writing
        with self._told(writing=True), self.engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection
        self._backend.written()

    @contextmanager
    def _told(self, writing: bool) -> Iterator[None]:
        """Errors of the driver in our words."""
        if self.replaced:
            raise StoreError("errors.store_replaced", path=self._backend.place)
        try:
            yield
        except DBAPIError as error:
            raise self._backend.explain(error, writing) from error

    def checkpoint_wal(self) -> bool:
        """Keep the log beside the database short; True when it was cut to nothing. For the supervisor, once a second."""
        with self._told(writing=True):
            return self._backend.checkpoint_wal()

    def backup(self, to: Path) -> None:
        """Write a copy while others read and write. Raises Refused when the file exists, and on PostgreSQL, which has pg_dump."""
        with self._told(writing=False):
            self._backend.backup(to)

    def sole(self) -> AbstractContextManager[bool]:
        """Whether the caller is the one supervisor of this store while it is inside; a second one gets False."""
        return self._backend.sole()

    def _bring_up(self, aside: damage.SetAside | None) -> None:
        with self.read() as connection:
            version = self._backend.version(connection)
        if version > SCHEMA_VERSION:
            raise StoreError("errors.store_newer", path=self._backend.place, found=version, known=SCHEMA_VERSION)
        if version < SCHEMA_VERSION or aside is not None:
            with self.write() as connection:
                self._change(connection, aside)

    def _change(self, connection: sa.Connection, aside: damage.SetAside | None) -> None:
        version = self._backend.version(connection)  # another may have been faster
        if version < SCHEMA_VERSION:
            migrate.bring_up(connection, version)
            self._backend.set_version(connection, SCHEMA_VERSION)
        if version == 0 and isinstance(self._backend, SQLite):
            self.rebuilt = restoring.restore(connection, self.home)
        if aside is not None and aside.trouble == "stale_log":
            damage.tell(connection, "errors.stale_log", file=aside.file.name)
        elif aside is not None and self.rebuilt is not None:
            damage.tell(connection, "errors.store_set_aside", file=aside.file.name, **self.rebuilt.counts)
        elif self.rebuilt is not None and self.rebuilt.found:
            damage.tell(connection, "errors.store_was_missing", **self.rebuilt.counts)


_stores: dict[tuple[Home, str | None], Store] = {}
_opening = Lock()


def open_store(home: Home) -> Store:
    """The one store of a data folder in this process; connections are pooled inside. One that was replaced is opened again."""
    key = home, os.environ.get(VARIABLE)
    with _opening:
        store = _stores.get(key)
        if store is None or store.replaced:
            if store is not None:
                store.engine.dispose()
            store = _stores[key] = Store(home)
        return store


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
