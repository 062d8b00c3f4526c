"""The store as a file of the data folder: journal, writers' lock, backup, and the log that one process keeps short."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, OperationalError

from engine.errors import Refused, StoreBusy, StoreError
from engine.store import damage, network
from engine.store.home import Home
from engine.store.library import library

BUSY_MS = 10_000
MB = 2**20
# The log: written back from 4 MB on and cut from 16 MB on by the supervisor, once a second. When it does not get to it, the
# writers do: they write back from 32 MB on (8000 pages of 4 KB), and from there on cut, too.
WRITE_BACK, CUT, TOO_LONG = 4 * MB, 16 * MB, 32 * MB
FALLBACK_PAGES = TOO_LONG // 4096
# How long a cut may hold up writers when readers stand in its way, and how many seconds later a writer tries again.
CUT_MS, AGAIN = 250, 1.0


class SQLite:
    """One file, one writer at a time."""

    writing: Mapping[str, Any] = {"athanor_begin": "BEGIN IMMEDIATE"}
    reading_at_once: Mapping[str, Any] = {"athanor_begin": "BEGIN"}

    def __init__(self, home: Home, serializer: Any) -> None:
        self.home = home
        self.file = home.database
        self.place, self.mark = str(self.file), str(self.file.resolve())
        self.engine = sa.create_engine(
            sa.URL.create("sqlite", database=str(self.file)),  # as text, a `?` or `#` in the path would end the name of the file
            module=library().module, json_serializer=serializer, connect_args={"check_same_thread": False},
        )  # fmt: skip
        sa.event.listen(self.engine, "connect", _prepare)
        sa.event.listen(self.engine, "begin", _begin)
        self._opened: tuple[int, int] | None = None
        self._log = self.file.with_name(self.file.name + "-wal")
        self._next_cut = 0.0

    @contextmanager
    def opening(self, thorough: bool) -> Iterator[damage.SetAside | None]:
        """Alone with the file; what was damaged has been set aside."""
        network.require_local(self.file.parent)
        with damage.alone(self.file):
            aside = damage.set_right(self.home, thorough)
            yield aside
            self._opened = _identity(self.file)

    @property
    def replaced(self) -> bool:
        """Whether the file of that name is no longer the one that was opened."""
        return self._opened is not None and _identity(self.file) != self._opened

    def version(self, connection: sa.Connection) -> int:
        return int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())

    def set_version(self, connection: sa.Connection, version: int) -> None:
        connection.exec_driver_sql(f"PRAGMA user_version = {version:d}")

    def explain(self, error: DBAPIError, writing: bool) -> StoreError:
        """What an error of the driver means to people."""
        if damage.is_damage(error.orig):
            return StoreError("errors.store_damaged", path=self.place, message=str(error.orig))
        if (writing and isinstance(error, OperationalError)) or damage.is_locked(error.orig):
            return StoreBusy("errors.store_busy", message=str(error.orig))
        return StoreError("errors.store_unusable", path=self.place, message=str(error.orig))

    def checkpoint_wal(self) -> bool:
        size = self._log_size()
        if size < WRITE_BACK or self.replaced:
            return False
        with self.engine.connect() as connection:
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {CUT_MS}")
            try:
                busy = connection.exec_driver_sql(f"PRAGMA wal_checkpoint({'TRUNCATE' if size >= CUT else 'PASSIVE'})").one()[0]
            finally:
                connection.exec_driver_sql(f"PRAGMA busy_timeout = {BUSY_MS}")
        return size >= CUT and not busy

    def written(self) -> None:
        """After each transaction of a writer: what grows too long is cut by whoever makes it grow, so that it waits for readers."""
        begun = time.monotonic()
        if self._log_size() < TOO_LONG or begun < self._next_cut:
            return
        try:
            cut = self.checkpoint_wal()
        except DBAPIError:  # what was written stands; whether the disk is full, the next writer is told
            cut = False
        held_up = time.monotonic() - begun
        if not cut and held_up >= CUT_MS / 2000:  # by a reader; when another is at the cutting, the answer comes at once
            self._next_cut = begun + held_up + AGAIN

    def _log_size(self) -> int:
        try:
            return self._log.stat().st_size
        except FileNotFoundError:
            return 0

    def backup(self, to: Path) -> None:
        try:
            to.open("xb").close()
        except FileExistsError:
            raise Refused("errors.backup_exists", path=str(to)) from None
        except OSError as error:
            raise Refused("errors.backup_failed", path=str(to), message=error.strerror or str(error)) from error
        try:
            with closing(self.engine.raw_connection()) as source, closing(library().module.connect(to)) as target:
                source.driver_connection.backup(target)  # type: ignore[union-attr]
        except library().module.Error as error:
            to.unlink()
            raise Refused("errors.backup_failed", path=str(to), message=str(error)) from error

    @contextmanager
    def sole(self) -> Iterator[bool]:
        yield True  # a data folder has one supervisor by its own lock


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(file)  # noqa: PTH116  a microsecond; asked before every transaction
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _prepare(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, in `_begin`
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    cursor.execute(f"PRAGMA journal_mode = {library().journal}")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute(f"PRAGMA wal_autocheckpoint = {FALLBACK_PAGES}")
    cursor.execute(f"PRAGMA journal_size_limit = {CUT}")
    cursor.close()


def _begin(connection: sa.Connection) -> None:
    statement = connection.get_execution_options().get("athanor_begin")
    if statement:
        connection.exec_driver_sql(statement)
