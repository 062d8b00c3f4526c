"""Damaged files: found at the opening, set aside, explained, and rebuilt from the run folders; once, however many look."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from engine import strings
from engine.errors import StoreError
from engine.store import damage, manifest, records, runs
from engine.store.connect import VARIABLE, Store, library, open_store
from engine.store.home import Home
from engine.store.rebuild import renew
from tests.store.filled import ended, queue, start

LOOK = """
import sys, pathlib
from engine.store import connect, home, runs
print(len(runs.listing(connect.Store(home.Home(pathlib.Path(sys.argv[1]))))))
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A data folder with two ended runs and their manifests; nobody has it open."""
    monkeypatch.delenv(VARIABLE, raising=False)
    store = Store(Home(tmp_path))
    for _ in range(2):
        manifest.write(store, ended(store, range(1, 2001)))
    store.engine.dispose()
    return store.home


def asides(home: Home) -> list[str]:
    return sorted(path.name for path in home.root.glob("athanor.db.damaged-*Z*"))


def overwrite(file: Path, offset: int, content: bytes) -> None:
    with file.open("r+b") as stream:
        stream.seek(offset)
        stream.write(content)


def schema_page(file: Path) -> None:
    """Flip bytes in the middle of the texts that say what the tables are."""
    content = file.read_bytes()
    assert b"CREATE TABLE runs" in content
    file.write_bytes(content.replace(b"CREATE TABLE runs", b"CREATE TABLE rvns"))


def new_database() -> bytes:
    """The file as it stands while everything is in the log."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("PRAGMA user_version = 0")
        connection.execute("VACUUM")
        return connection.serialize()


DAMAGE: dict[str, Callable[[Path], object]] = {
    "not a database": lambda file: file.write_bytes(b"GIF89a" * 1000),
    "a few bytes": lambda file: file.write_bytes(b"SQLite"),
    "zero bytes": lambda file: file.write_bytes(b""),
    "nothing in it, the log gone": lambda file: file.write_bytes(new_database()),
    "cut in the middle": lambda file: os.truncate(file, file.stat().st_size // 2),
    "cut after the first page": lambda file: os.truncate(file, 4096),
    "the last page gone": lambda file: os.truncate(file, file.stat().st_size - 4096),
    "flipped in the magic": lambda file: overwrite(file, 3, b"X"),
    "flipped in the page size": lambda file: overwrite(file, 16, b"\x33"),
    "flipped in the schema format": lambda file: overwrite(file, 47, b"\xff"),
    "flipped in the first page's tree": lambda file: overwrite(file, 100, b"\xff\xff\xff"),
    "flipped in the schema": schema_page,
}


@pytest.mark.slow
@pytest.mark.parametrize("harm", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_file_is_set_aside_and_the_runs_come_back(home: Home, harm: Callable[[Path], object]) -> None:
    harm(home.database)
    content = home.database.read_bytes()
    store = Store(home)
    assert [run.id for run in runs.listing(store)] == [2, 1]
    assert sum(len(rows) for rows in records.history(store, 2).values()) == 2000
    (aside,) = asides(home)
    assert (home.root / aside).read_bytes() == content
    notice = damage.notice(store)
    assert notice == {"key": "errors.store_set_aside", "fields": {"file": aside, "restored": 2, "lost": 0}}
    assert aside in strings.reason(notice, "zh")
    damage.dismiss(store)
    assert damage.notice(store) is None
    store.engine.dispose()
    again = Store(home)
    assert again.rebuilt is None
    assert asides(home) == [aside]
    again.engine.dispose()


def test_a_missing_file_is_made_anew_from_the_folders(home: Home) -> None:
    home.database.unlink()
    store = Store(home)
    assert [run.id for run in runs.listing(store)] == [2, 1]
    assert damage.notice(store) == {"key": "errors.store_was_missing", "fields": {"restored": 2, "lost": 0}}
    assert asides(home) == []
    store.engine.dispose()


def test_a_sound_store_is_left_alone(home: Home) -> None:
    for thorough in (False, True):
        store = Store(home, thorough=thorough)
        assert (damage.check(store), damage.notice(store), store.rebuilt) == ([], None, None)
        store.engine.dispose()
    assert asides(home) == []


@pytest.mark.parametrize("thorough", [False, True])
def test_a_newer_store_with_other_tables_is_refused_and_left_alone(home: Home, thorough: bool) -> None:
    with closing(library().module.connect(home.database)) as connection:
        connection.executescript("ALTER TABLE runs RENAME TO trainings; DROP TABLE events; PRAGMA user_version = 999;")
    content = home.database.read_bytes()
    with pytest.raises(StoreError, match="999"):
        Store(home, thorough=thorough)
    assert asides(home) == []
    assert home.database.read_bytes() == content


def test_an_empty_folder_and_a_file_of_zero_bytes_make_a_new_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    home = Home(tmp_path)
    home.database.touch()
    store = Store(home)
    assert (runs.listing(store), damage.notice(store), asides(home)) == ([], None, [])
    store.engine.dispose()


@pytest.mark.slow
def test_many_that_open_it_at_once_set_it_aside_once(home: Home) -> None:
    overwrite(home.database, 0, b"X" * 100)
    processes = [start(LOOK, home.root) for _ in range(4)]
    assert [process.communicate(timeout=60) for process in processes] == [("2\n", "")] * 4
    assert len(asides(home)) == 1


def test_damage_far_inside_is_found_by_the_check_and_told_with_the_way_out(home: Home) -> None:
    pages = home.database.stat().st_size // 4096
    for page in range(pages // 2, pages):
        overwrite(home.database, page * 4096, b"\xff" * 64)
    store = Store(home)
    assert damage.check(store) != []
    with pytest.raises(StoreError, match="python -m engine rebuild"):
        for run in (1, 2):
            records.history(store, run)
            runs.get(store, run)
    rebuilt = renew(home)
    assert rebuilt.runs == [1, 2]
    with pytest.raises(StoreError, match="set aside"):
        runs.listing(store)
    store.engine.dispose()


def test_who_holds_the_old_file_is_told(home: Home) -> None:
    store = Store(home)
    open_store(home)
    home.database.rename(home.root / "elsewhere.db")
    with pytest.raises(StoreError, match="Start this part of Athanor again"):
        queue(store)
    fresh = Store(home)
    with pytest.raises(StoreError, match="set aside"):
        runs.listing(store)
    assert len(runs.listing(open_store(home))) == 2
    for each in (store, fresh, open_store(home)):
        each.engine.dispose()


def test_a_log_of_another_database_does_no_harm(home: Home, tmp_path: Path) -> None:
    """A copy of an old database is put in place while the log of the newer one still lies there."""
    copy = tmp_path / "copy.db"
    shutil.copy(home.database, copy)
    store = Store(home)
    for _ in range(3):
        manifest.write(store, ended(store, range(1, 3001)))
    log = home.database.with_name("athanor.db-wal")
    kept = log.read_bytes()
    assert len(kept) > 100_000
    store.engine.dispose()
    shutil.copy(copy, home.database)
    log.write_bytes(kept)
    after = Store(home)
    assert damage.check(after) == []
    assert {run.id for run in runs.listing(after)} >= {1, 2}
    after.engine.dispose()


@pytest.mark.skipif(library().journal != "wal", reason="the SQLite library here is too old for a write-ahead log")
def test_a_log_of_something_else_is_set_aside_alone(home: Home, tmp_path: Path) -> None:
    strange = tmp_path / "strange.db"
    with closing(library().module.connect(strange)) as connection:
        connection.execute("PRAGMA journal_mode = wal")
        connection.execute("CREATE TABLE other (a)")
        connection.commit()
        shutil.copy(tmp_path / "strange.db-wal", home.root / "athanor.db-wal")
    store = Store(home)
    assert [run.id for run in runs.listing(store)] == [2, 1]
    assert store.rebuilt is None
    (aside,) = asides(home)
    assert damage.notice(store) == {"key": "errors.stale_log", "fields": {"file": aside}}
    assert aside.endswith("-wal")
    store.engine.dispose()


def test_a_log_that_fits_is_used(home: Home, tmp_path: Path) -> None:
    """A folder copied while its store is open: the newest rows lie in the log alone."""
    store = Store(home)
    third = ended(store, range(1, 101))
    copied = Home(tmp_path / "copied")
    copied.root.mkdir()
    for name in ("athanor.db", "athanor.db-wal"):
        shutil.copy(home.root / name, copied.root / name)
    after = Store(copied)
    assert runs.get(after, third).state == "finished"
    assert asides(copied) == []
    for each in (store, after):
        each.engine.dispose()


def test_a_folder_without_rights_is_no_damage(home: Home) -> None:
    with closing(sqlite3.connect(home.database)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        assert damage.sound(home.database)
    assert damage.sound(home.root)
