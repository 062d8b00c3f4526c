"""The write-ahead log stays short under readers that never rest, and a backup is whole while others write."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from engine.errors import Refused
from engine.store import records, runs
from engine.store.connect import Store, library
from engine.store.home import Home
from engine.store.records import Batch, Event
from tests.store.filled import claimed, ended, start, told
from tests.waiting import until

MB = 2**20
# Follows a run as a page does, until a file is there.
READ = """
import sys, pathlib
from engine.store import connect, home, records
store = connect.Store(home.Home(pathlib.Path(sys.argv[1])))
print("ready", flush=True)
cursor = 0
while not pathlib.Path(sys.argv[2]).exists():
    cursor = records.read(store, 1, cursor).seq
print(records.read(store, 1, cursor).seq)
"""
wal_only = pytest.mark.skipif(library().journal != "wal", reason="the SQLite library here is too old for a write-ahead log")


def log_of(store: Store) -> Path:
    return store.home.database.with_name("athanor.db-wal")


@wal_only
@pytest.mark.slow
def test_the_log_stays_short_under_a_permanent_reader(file_store: Store, tmp_path: Path) -> None:
    """160 MB written, two readers polling, the supervisor looking every tenth of a second: the log never holds it all."""
    claim = claimed(file_store)
    records.append(file_store, claim, Batch(told(range(1, 501))))
    end = tmp_path / "end"
    readers = [start(READ, file_store.home.root, end) for _ in range(2)]
    for reader in readers:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "ready\n"
    done = threading.Event()

    def supervise() -> None:
        mine = Store(file_store.home)
        while not done.wait(0.1):
            mine.checkpoint_wal()
        mine.engine.dispose()

    supervisor = threading.Thread(target=supervise)
    supervisor.start()
    longest = written = 0
    text = {"text": "x" * MB}
    while written < 160:
        written += 2
        happened = [Event(1000 + written + number, "verdict", 1, 1, text, 0.0) for number in range(2)]
        records.append(file_store, claim, Batch([], happened))
        longest = max(longest, log_of(file_store).stat().st_size)
    done.set()
    supervisor.join()
    end.touch()
    assert [reader.communicate()[0] for reader in readers] == [f"{999 + written + 2}\n"] * 2
    assert longest < written * MB
    file_store.checkpoint_wal()
    assert log_of(file_store).stat().st_size < 16 * MB


@wal_only
def test_a_long_log_is_cut_and_a_short_one_left_alone(file_store: Store) -> None:
    claim = claimed(file_store)
    assert not file_store.checkpoint_wal()
    happened = [Event(seq, "verdict", 1, 1, {"text": "x" * MB}, 0.0) for seq in range(1, 19)]
    records.append(file_store, claim, Batch([], happened))
    assert log_of(file_store).stat().st_size > 16 * MB
    assert file_store.checkpoint_wal()
    assert log_of(file_store).stat().st_size == 0
    assert len(records.read(file_store, claim.run).events) == 18


@wal_only
def test_without_a_supervisor_the_writers_cut_it(file_store: Store) -> None:
    claim = claimed(file_store)
    happened = [Event(seq, "verdict", 1, 1, {"text": "x" * MB}, 0.0) for seq in range(1, 41)]
    records.append(file_store, claim, Batch([], happened))
    assert log_of(file_store).stat().st_size == 0


@wal_only
def test_a_reader_in_the_way_costs_the_writers_no_more_than_a_moment(file_store: Store) -> None:
    claim = claimed(file_store)
    with file_store.snapshot() as connection:
        connection.execute(sa.text("SELECT count(*) FROM runs"))
        records.append(file_store, claim, Batch([], [Event(seq, "verdict", 1, 1, {"text": "x" * MB}, 0.0) for seq in range(1, 19)]))
        assert not file_store.checkpoint_wal()
    assert file_store.checkpoint_wal()


def test_a_backup_is_whole_while_others_write(file_store: Store, tmp_path: Path) -> None:
    run = ended(file_store)
    claim = claimed(file_store)
    stop = threading.Event()

    def write() -> None:
        mine, seq = Store(file_store.home), 1
        while not stop.is_set():
            records.append(mine, claim, Batch(told(range(seq, seq + 10))))
            seq += 10
        mine.engine.dispose()

    writer = threading.Thread(target=write)
    writer.start()
    until(lambda: records.last_seq(file_store, claim.run))
    copy = tmp_path / "copy"
    copy.mkdir()
    file_store.backup(copy / "athanor.db")
    stop.set()
    writer.join()
    with closing(sqlite3.connect(copy / "athanor.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    other = Store(Home(copy))
    assert records.history(other, run) == records.history(file_store, run)
    assert records.last_seq(other, claim.run) % 10 == 0
    assert runs.get(other, claim.run).state == "running"
    other.engine.dispose()


def test_a_backup_overwrites_nothing(file_store: Store, tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("mine")
    with pytest.raises(Refused, match="exists already"):
        file_store.backup(there)
    assert there.read_text() == "mine"
    with pytest.raises(Refused, match="could not be written"):
        file_store.backup(tmp_path / "no folder" / "copy.db")
