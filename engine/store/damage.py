"""A database file that cannot be trusted: how it is found, set aside, and told. Knows no run.

At the opening a look at header and schema, which costs a millisecond; `check` reads every page.
"""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa
from filelock import FileLock, Timeout

from engine.errors import StoreBusy
from engine.store.home import Home
from engine.store.library import library
from engine.store.tables import SCHEMA_VERSION, metadata, settings

if TYPE_CHECKING:
    from engine.store.connect import Store

# Result codes of SQLite, without their extensions: a query it does not understand, a lock not to be had, a broken page, no database.
ERROR, BUSY, CORRUPT, NO_DATABASE = 1, 5, 11, 26
# What every schema since the first has had.
OLDEST = ("runs", "attempts", "metrics", "events")
NOTICE = "notice"
LOCK_SECONDS = 60.0

Trouble = Literal["damaged", "stale_log"]


@dataclass(frozen=True)
class SetAside:
    """What was found and where it lies now."""

    trouble: Trouble
    file: Path


@contextmanager
def alone(file: Path) -> Iterator[None]:
    """Hold the opening of this database against all other processes. Raises StoreBusy after a minute."""
    try:
        with FileLock(f"{file}.lock", timeout=LOCK_SECONDS):
            yield
    except Timeout as error:
        raise StoreBusy("errors.store_busy", message=f"{file}.lock is held") from error


def set_right(home: Home, thorough: bool = False) -> SetAside | None:
    """Set a damaged database, or only a log beside it that is of another one, aside. To be called within `alone`."""
    file, log = home.database, _beside(home.database, "-wal")
    if not file.exists():
        return SetAside("damaged", _set_aside(file, only_log=True)) if _size(log) else None
    if file.stat().st_size == 0 and _size(log):  # SQLite would take it for a new one and delete the log
        return SetAside("damaged", _set_aside(file))
    if sound(file, thorough):
        return SetAside("damaged", _set_aside(file)) if _emptied(home) else None
    if _size(log) and sound(file, thorough=True, log=False):
        return SetAside("stale_log", _set_aside(file, only_log=True))
    return SetAside("damaged", _set_aside(file))


def sound(file: Path, thorough: bool = False, log: bool = True) -> bool:
    """Whether the file can be read as a store of ours, with the log beside it or without."""
    uri = f"{file.as_uri()}?{'mode=ro' if log else 'immutable=1'}"
    module = library().module
    try:
        copied = _log_alone(file)
        with closing(module.connect(uri, uri=True, timeout=10.0, isolation_level=None)) as connection:
            _look(connection)
            return not (thorough or copied) or not faults_in(connection)
    except module.DatabaseError as error:
        return not (is_damage(error) or _code(error) == ERROR)  # locked, no rights, no memory: nothing is known against the file


def _emptied(home: Home) -> bool:
    """Whether the database holds nothing although there have been runs: all of it was in a log that is gone."""
    module = library().module
    try:
        with closing(module.connect(f"{home.database.as_uri()}?mode=ro", uri=True, timeout=10.0)) as connection:
            return _is_new(connection) and any(home.runs.glob("*/manifest.json"))
    except module.DatabaseError:  # a full disk, for one, leaves no room for the index of the log: nothing is known against the file
        return False


def is_damage(error: BaseException | None) -> bool:
    """Whether SQLite says that the file itself is broken."""
    return _code(error) in (CORRUPT, NO_DATABASE)


def is_locked(error: BaseException | None) -> bool:
    """Whether another process holds the lock."""
    return _code(error) == BUSY


def _code(error: BaseException | None) -> int:
    return int(getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF


def _look(connection: Any) -> None:
    """Raises DatabaseError when header or schema is not ours, or the file is shorter than its header says.

    A newer schema may hold other tables; whoever opens the store refuses it.
    """
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if _is_new(connection) or version > SCHEMA_VERSION:
        return
    for name in metadata.tables if version == SCHEMA_VERSION else OLDEST:
        columns = ", ".join(column.name for column in metadata.tables[name].columns) if version == SCHEMA_VERSION else "*"
        connection.execute(f'SELECT {columns} FROM "{name}" LIMIT 0')


def _is_new(connection: Any) -> bool:
    """Whether the database was made and holds nothing yet."""
    return connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0


def _log_alone(file: Path) -> bool:
    """Whether a log lies there without its index, as after copying: it may be of another database."""
    return _size(_beside(file, "-wal")) > 0 and not _beside(file, "-shm").exists()


def faults_in(connection: Any) -> list[str]:
    """What SQLite finds wrong in the pages, a sentence each; nothing when the file is sound."""
    found = [str(row[0]) for row in connection.execute("PRAGMA quick_check(5)").fetchall()]
    return [] if found == ["ok"] else found


def _set_aside(file: Path, only_log: bool = False) -> Path:
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    names = (file.with_name(f"{file.name}.damaged-{stamp}{tail}") for tail in ("", *(f"-{number}" for number in range(2, 10_000))))
    aside = next(name for name in names if not any(_beside(name, end).exists() for end in ("", "-wal", "-shm")))
    if only_log or not _size(_beside(file, "-wal")):  # the index of the log is made anew from it; an empty log our look has left
        _beside(file, "-shm").unlink(missing_ok=True)
    if not only_log:
        file.rename(aside)
    for end in ("-wal", "-shm"):
        if _size(_beside(file, end)):
            _beside(file, end).rename(_beside(aside, end))
        _beside(file, end).unlink(missing_ok=True)
    return _beside(aside, "-wal") if only_log else aside


def _beside(file: Path, end: str) -> Path:
    return file.with_name(file.name + end)


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def check(store: "Store") -> list[str]:
    """Read every page: what SQLite finds wrong; nothing when the file is sound. Seconds for a large store."""
    if store.engine.dialect.name != "sqlite":
        return []
    try:
        with store.engine.connect() as connection:
            return faults_in(connection.connection.driver_connection)
    except library().module.DatabaseError as error:
        return [str(error)]


def notice(store: "Store") -> dict[str, Any] | None:
    """What people should know about this store, as `{"key": ..., "fields": {...}}`, until it is dismissed."""
    with store.read() as connection:
        found = connection.execute(sa.select(settings.c.value).where(settings.c.name == NOTICE)).scalar()
    return dict(found) if isinstance(found, dict) else None


def dismiss(store: "Store") -> None:
    """The notice has been read."""
    with store.write() as connection:
        connection.execute(sa.delete(settings).where(settings.c.name == NOTICE))


def tell(connection: sa.Connection, key: str, **fields: Any) -> None:
    """Leave a notice."""
    connection.execute(sa.delete(settings).where(settings.c.name == NOTICE))
    connection.execute(sa.insert(settings).values(name=NOTICE, value={"key": key, "fields": fields}))
