"""Which SQLite library is used, and with which journal.

SQLite 3.7.0 to 3.51.2 can corrupt a WAL file that several processes write; the first library new enough is used,
else the slower rollback journal.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from types import ModuleType

WAL_SAFE = (3, 51, 3)


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
