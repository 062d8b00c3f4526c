"""Disks that are full, small or read-only, and folders that are lost: for real, on small file systems in memory."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from engine.errors import Refused, StoreError
from engine.jobs import launch
from engine.store import keeping, records, runs, settings
from engine.store.connect import Store
from engine.store.home import Home
from engine.store.library import library
from engine.store.runs import State
from tests.engine_room import LONG, EngineRoom
from tests.faults.conftest import EXACT
from tests.faults.promises import broken, curves
from tests.waiting import until

pytestmark = pytest.mark.slow


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[Path]:
    """A file system of that size in memory; skipped where we may not mount one."""
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place], check=False, capture_output=True).returncode:
        pytest.skip("mounting a tmpfs is not permitted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def test_a_full_disk_fails_the_run_in_words_and_it_goes_on_when_there_is_room(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "48m") as disk:
        room = EngineRoom(disk / "home")
        try:
            number = room.start(**LONG)
            room.training(number)
            filler = disk / "filler"
            with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
                while file.write(os.urandom(1 << 16)):
                    pass
            until(lambda: _stuck(room, number), 100)
            assert room.run(number).id == number
            before = room.run(number).summary["epoch"]
            filler.unlink()
            launch.ensure_supervisor(room.store)
            until(lambda: room.run(number).state is State.FAILED or room.run(number).summary["epoch"] > before, 60)
            if room.run(number).state is State.FAILED:
                reason = room.run(number).reason
                assert reason is not None
                assert reason["key"] == "errors.disk_full"
                launch.retry(room.store, number)
                until(lambda: room.run(number).summary["epoch"] > before, 60)
            launch.stop(room.store, number)
            room.ended(number)
            assert broken(room) == []
        finally:
            room.close()


def _stuck(room: EngineRoom, number: int) -> bool:
    """Whether the run has met the full disk: its end is told, or its rows wait in the worker."""
    log = room.home.log(number).read_text()
    return "No space left" in log or "rows wait" in log or room.run(number).state.ended


def test_a_folder_that_cannot_be_written_is_told_in_a_sentence(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "8m") as disk:
        Store(Home(disk / "home")).engine.dispose()
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        with pytest.raises(StoreError) as refused, Store(Home(disk / "home")).write():
            pass
        assert str(disk) in str(refused.value)


def test_a_store_that_is_opened_on_a_full_disk_is_told_in_a_sentence_and_left_alone(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "2m") as disk:
        home = Home(disk / "home")
        Store(home).engine.dispose()
        content = home.database.read_bytes()
        with (disk / "filler").open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
            while file.write(bytes(4096)):
                pass
        with pytest.raises(StoreError, match="full|disk|cannot"):
            Store(home)
        assert home.database.read_bytes() == content
        (disk / "filler").unlink()
        Store(home).engine.dispose()


def test_a_run_that_would_exceed_the_budget_is_refused_before_it_writes(tmp_path: Path) -> None:
    room = EngineRoom(tmp_path / "home")
    try:
        settings.set_to(room.store, settings.DISK_BUDGET, 0.1)
        run = room.ended(room.start(architecture="vgg16", width=1.0, resolution=32, epochs=1))
        assert run.state is State.FAILED
        assert run.reason is not None
        assert run.reason["key"] == "errors.disk_budget"
        assert not room.home.checkpoints(run.id).exists()
        (room.home.cache / "filler").write_bytes(bytes(100_000_000))
        with pytest.raises(Refused):
            room.start()
    finally:
        room.close()


def test_a_lost_store_comes_back_from_the_folders_of_its_runs(tmp_path: Path) -> None:
    room = EngineRoom(tmp_path / "home")
    try:
        finished = room.start(**EXACT)
        room.ended(finished)
        stopped = room.start(**LONG)
        room.training(stopped)
        launch.stop(room.store, stopped)
        room.ended(stopped)
        until(lambda: room.home.manifest(stopped).exists() and not _loose(room))
        before = {number: (curves(room, number), room.run(number), keeping.of(room.store, number)) for number in (finished, stopped)}
    finally:
        room.close()
    for file in room.home.root.glob("athanor.db*"):
        file.unlink()
    again = EngineRoom(tmp_path / "home")
    try:
        for number, (kept, run, checkpoints) in before.items():
            now = again.run(number)
            assert (now.state, now.summary, now.config, now.numerics) == (run.state, run.summary, run.config, run.numerics)
            assert curves(again, number) == kept
            assert keeping.of(again.store, number) == checkpoints
        assert runs.test_result(again.store, finished) is not None
        launch.retry(again.store, stopped)
        until(lambda: again.run(stopped).summary["epoch"] > before[stopped][1].summary["epoch"])
        assert records.last_event(again.store, stopped, records.REWIND) is not None
        assert broken(again) == []
    finally:
        again.close()


def _loose(room: EngineRoom) -> list[int]:
    from engine.store import packing

    return packing.due(room.store)


def test_a_store_damaged_while_it_is_used_is_set_aside_by_the_next_supervisor(tmp_path: Path) -> None:
    room = EngineRoom(tmp_path / "home")
    try:
        number = room.start(**EXACT)
        room.ended(number)
        until(lambda: not _loose(room) and room.home.manifest(number).exists())
        kept = curves(room, number)
    finally:
        room.close()
    database = room.home.database
    with closing(library().module.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(database.read_bytes())
    content[4096 * 3 : 4096 * 9] = os.urandom(4096 * 6)
    database.write_bytes(content)
    launch.start_supervisor(room.home)
    until(lambda: list(room.home.root.glob("athanor.db.damaged-*")))
    again = EngineRoom(tmp_path / "home")
    try:
        assert again.run(number).state is State.FINISHED
        assert curves(again, number) == kept
        assert again.ended(again.start(**EXACT)).state is State.FINISHED
    finally:
        again.close()
