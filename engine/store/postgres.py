"""The store in a PostgreSQL database, for teams: the same queries, the same order of writers, the same errors."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError

from engine.errors import Refused, StoreBusy, StoreError

DRIVER = "postgresql+psycopg"
LOCK_SECONDS = 10
# First halves of the advisory locks; the second is the schema's name, so that stores in one database do not wait for each other.
WRITERS, SUPERVISOR = 0x41546831, 0x41546832
_TAKE = f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'; SELECT pg_advisory_xact_lock({WRITERS}, hashtext(current_schema()))"
_TRY = f"SELECT pg_try_advisory_lock({SUPERVISOR}, hashtext(current_schema()))"
_LEAVE = f"SELECT pg_advisory_unlock({SUPERVISOR}, hashtext(current_schema()))"
# A connection whose other end is gone is noticed within a minute and a half.
CONNECTION = {"connect_timeout": 10, "keepalives": 1, "keepalives_idle": 30, "keepalives_interval": 15, "keepalives_count": 4}


class PostgreSQL:
    """One schema of a database. Writers wait for each other as SQLite's do: from the start of the transaction."""

    writing: Mapping[str, Any] = {"athanor_write": True}
    reading_at_once: Mapping[str, Any] = {"isolation_level": "REPEATABLE READ"}
    replaced = False

    def __init__(self, url: str, serializer: Any) -> None:
        address = _read(url)
        self.place, self.mark = place(address), _mark(address)
        try:
            self.engine = sa.create_engine(address, json_serializer=serializer, connect_args=dict(CONNECTION), pool_pre_ping=True)
        except ModuleNotFoundError as error:
            raise StoreError("errors.no_postgres_driver", path=self.place, command='pip install "psycopg[binary]"') from error
        except (ArgumentError, ValueError) as error:
            raise StoreError("errors.bad_store_url", driver=DRIVER) from error
        sa.event.listen(self.engine, "begin", _begin)

    @contextmanager
    def opening(self, _thorough: bool) -> Iterator[None]:
        yield None

    def version(self, connection: sa.Connection) -> int:
        if connection.exec_driver_sql("SELECT to_regclass('athanor_schema')").scalar() is None:
            return 0
        return int(connection.exec_driver_sql("SELECT coalesce(max(version), 0) FROM athanor_schema").scalar_one())

    def set_version(self, connection: sa.Connection, version: int) -> None:
        connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS athanor_schema (version INTEGER NOT NULL)")
        connection.exec_driver_sql("DELETE FROM athanor_schema")
        connection.exec_driver_sql(f"INSERT INTO athanor_schema VALUES ({version:d})")

    def explain(self, error: DBAPIError, writing: bool) -> StoreError:
        """What an error of the driver means to people. A server that is away, reading or writing, is worth another try."""
        if error.connection_invalidated or isinstance(error, InterfaceError) or (isinstance(error, OperationalError) and not writing):
            return StoreBusy("errors.store_away", path=self.place, message=_first_line(error))
        if isinstance(error, OperationalError):
            return StoreBusy("errors.store_busy", message=_first_line(error))
        return StoreError("errors.store_unusable", path=self.place, message=_first_line(error))

    def checkpoint_wal(self) -> bool:
        return False  # the server's own affair

    def written(self) -> None:
        pass

    def backup(self, to: Path) -> None:
        raise Refused("errors.backup_by_pg_dump", path=str(to))

    @contextmanager
    def sole(self) -> Iterator[bool]:
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            taken = bool(connection.exec_driver_sql(_TRY).scalar_one())
            try:
                yield taken
            finally:
                if taken and not connection.invalidated:
                    _let_go(connection)


def _let_go(connection: sa.Connection) -> None:
    try:
        connection.exec_driver_sql(_LEAVE)
    except DBAPIError:
        connection.invalidate()  # the server is gone, and the lock with it


def _read(url: str) -> sa.URL:
    """The address with our driver. Raises StoreError for what is not one of PostgreSQL.

    An `@` in the host or the database is the rest of a password that was cut at its own `@` or `/`.
    """
    try:
        address = sa.make_url(url)
    except (ArgumentError, ValueError) as error:
        raise StoreError("errors.bad_store_url", driver=DRIVER) from error
    if address.drivername not in ("postgresql", "postgres", DRIVER) or "@" in f"{_host(address)}{address.database}":
        raise StoreError("errors.bad_store_url", driver=DRIVER)
    return address.set(drivername=DRIVER)


def place(address: sa.URL) -> str:
    """Where the store lies, for people: nothing of who comes in and how, be it before the host or behind a `?`."""
    port = address.port or _named(address, "port")
    return f"{DRIVER}://{_host(address)}{f':{port}' if port else ''}/{address.database or ''}"


def _host(address: sa.URL) -> str:
    return address.host or _named(address, "host")


def _named(address: sa.URL, name: str) -> str:
    """What the part behind the `?` says of something; several answers joined."""
    found = address.query.get(name, ())
    return found if isinstance(found, str) else ",".join(found)


def _mark(address: sa.URL) -> str:
    """The same for two addresses of one schema, and not to be read: the account and the options may decide which schema it is."""
    facts = (place(address), address.username, _named(address, "options"))
    return hashlib.blake2b(repr(facts).encode(), digest_size=16).hexdigest()


def _begin(connection: sa.Connection) -> None:
    if connection.get_execution_options().get("athanor_write"):
        connection.exec_driver_sql(_TAKE)


def _first_line(error: DBAPIError) -> str:
    return next(iter(str(error.orig).strip().splitlines()), type(error.orig).__name__)
