"""How the store is opened: which SQLite library, which journal, one lock for writers. Knows no table but the version.

SQLite 3.7.0 to 3.51.2 can corrupt a WAL file that several processes write; the first library new enough is used,
else the slower rollback journal.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError, OperationalError

from engine.errors import StoreBusy, StoreError
from engine.store.home import Home
from engine.store.tables import SCHEMA_VERSION, metadata

WAL_SAFE = (3, 51, 3)
BUSY_MS = 10_000


@dataclass(frozen=True)
class Library:
    """The SQLite library in use."""

    module: ModuleType
    name: str
    version: str
    journal: str


@cache
def library() -> Library:
    """The interpreter's SQLite when it is new enough, else pysqlite3's, else the interpreter's without WAL."""
    for module in _candidates():
        if module.sqlite_version_info >= WAL_SAFE:
            return Library(module, module.__name__, module.sqlite_version, "wal")
    return Library(sqlite3, "sqlite3", sqlite3.sqlite_version, "delete")


def _candidates() -> Iterator[ModuleType]:
    yield sqlite3
    try:
        import pysqlite3
    except ImportError:
        return
    yield pysqlite3


class Store:
    """An open store: `read()` and `write()` give connections, `home` gives the files beside it."""

    def __init__(self, home: Home) -> None:
        self.home = home
        try:
            home.data.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError("errors.store_unusable", path=str(home.root), message=error.strerror or str(error)) from error
        self.engine = sa.create_engine(
            f"sqlite:///{home.database}", module=library().module, json_serializer=_json, connect_args={"check_same_thread": False}
        )
        sa.event.listen(self.engine, "connect", _prepare)
        sa.event.listen(self.engine, "begin", _begin)
        self._create()

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A connection whose every statement sees the newest committed state. Raises StoreError when the file is damaged."""
        try:
            with self.engine.connect() as connection:
                yield connection
        except DatabaseError as error:
            raise self._unusable(error) from error

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction that holds the writers' lock from its start, so that it never fails half-way for want of it.

        Raises StoreBusy when the lock, or room on the disk, is not to be had within ten seconds; nothing is written then.
        """
        try:
            with self.engine.connect().execution_options(athanor_write=True) as connection, connection.begin():
                yield connection
        except OperationalError as error:
            raise StoreBusy("errors.store_busy", message=str(error.orig)) from error
        except DatabaseError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: DatabaseError) -> StoreError:
        return StoreError("errors.store_unusable", path=str(self.home.database), message=str(error.orig))

    def _create(self) -> None:
        with self.read() as connection:
            version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
        if version > SCHEMA_VERSION:
            raise StoreError("errors.store_newer", path=str(self.home.database), found=version, known=SCHEMA_VERSION)
        if version < SCHEMA_VERSION:
            with self.write() as connection:
                metadata.create_all(connection)
                connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")


@cache
def open_store(home: Home) -> Store:
    """The one store of a data folder in this process; connections are pooled inside."""
    return Store(home)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _prepare(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, in `_begin`
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    cursor.execute(f"PRAGMA journal_mode = {library().journal}")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin(connection: sa.Connection) -> None:
    if connection.get_execution_options().get("athanor_write"):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
