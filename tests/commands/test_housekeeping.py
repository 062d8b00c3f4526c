"""Delete, rebuild, backup, settings, as typed."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from engine.store import manifest, runs, settings
from engine.store.runs import State
from tests.commands.conftest import Athanor, Runs


def test_deleting_wants_a_yes(athanor: Athanor, make: Runs) -> None:
    number = make.in_state(State.FINISHED, epochs=1)
    done = athanor("delete", number)
    assert (done.code, done.out) == (2, "")
    assert "say --yes" in done.err
    assert athanor("delete", number, "--yes").out == f"Deleted: {number}.\n"
    assert athanor("delete", number, "--yes").code == 2
    assert not make.store.home.run(number).exists()


def test_several_are_deleted_at_once(athanor: Athanor, make: Runs) -> None:
    numbers = [make.in_state(State.FINISHED) for _ in range(3)]
    assert athanor("delete", *numbers, numbers[0], "--yes", "--json").facts == {"deleted": numbers, "left": []}
    assert runs.listing(make.store) == []


def test_what_may_not_be_deleted_is_told(athanor: Athanor, make: Runs) -> None:
    parent, running = make.in_state(State.FINISHED), make.in_state(State.RUNNING)
    child = make.queued(parent=parent)
    for numbers, said in (((running,), "Stop it first"), ((parent,), f"others come from it: {child}"), ((parent, 99), "no run 99")):
        done = athanor("delete", *numbers, "--yes")
        assert (done.code, done.out) == (2, "")
        assert said in done.err
    assert len(runs.listing(make.store)) == 3


def test_a_lost_store_is_restored_from_the_folders(athanor: Athanor, make: Runs) -> None:
    whole, bare, torn = (make.in_state(State.FINISHED, epochs=2) for _ in range(3))
    for number in (whole, torn):
        manifest.write(make.store, number)
    with make.store.home.manifest(torn).open("r+b") as file:
        file.truncate(100)
    before = runs.get(make.store, whole)
    make.store.engine.dispose()
    for file in make.store.home.root.glob("athanor.db*"):
        file.unlink()
    told = athanor("rebuild", "--json").facts
    assert told == {"runs": [whole], "without_manifest": [bare], "damaged": [torn]}
    assert athanor("show", whole, "--json").facts["summary"] == before.summary
    again = athanor("rebuild", "--json").facts
    assert again == {"runs": [], "without_manifest": [bare], "damaged": [torn]}
    text = athanor("rebuild").out.splitlines()
    assert [line.split(":")[0] for line in text] == [
        "1 folders without a manifest, left as they are",
        "1 folders with a damaged manifest, left as they are",
    ]


def test_a_whole_store_needs_no_rebuilding(athanor: Athanor) -> None:
    assert athanor("rebuild").out == "There was nothing to restore.\n"


def test_a_backup_is_a_store_of_its_own(athanor: Athanor, make: Runs, tmp_path: Path) -> None:
    number = make.in_state(State.FINISHED, epochs=1)
    other = tmp_path / "other"
    other.mkdir()
    copy = other / "athanor.db"
    assert athanor("backup", copy, "--json").facts == {"file": str(copy), "bytes": copy.stat().st_size}
    with sqlite3.connect(copy) as connection:
        assert connection.execute("SELECT id FROM runs").fetchall() == [(number,)]
    connection.close()
    shutil.rmtree(other)


@pytest.mark.parametrize("name", ["there", "nowhere/copy.db", "."])
def test_a_backup_overwrites_nothing(athanor: Athanor, tmp_path: Path, name: str) -> None:
    (tmp_path / "there").write_text("precious")
    done = athanor("backup", tmp_path / name)
    assert (done.code, done.out) == (2, "")
    assert str((tmp_path / name).absolute()) in done.err
    assert (tmp_path / "there").read_text() == "precious"


def test_settings_are_shown_and_set(athanor: Athanor, make: Runs) -> None:
    assert athanor("settings", "--json").facts == {"disk_budget": 20.0, "slots": 1, "keep_every": 0}
    told = athanor("settings", "--disk-budget", "2.5", "--slots", 3, "--keep-every", 5, "--json").facts
    assert told == {"disk_budget": 2.5, "slots": 3, "keep_every": 5}
    assert settings.get(make.store, settings.SLOTS) == 3
    assert "disk_budget       2.5" in athanor("settings").out


@pytest.mark.parametrize(
    "words",
    [("--slots", 0), ("--slots", "many"), ("--slots", 1.5), ("--keep-every", -1), ("--disk-budget", "nan"), ("--disk-budget", "1e9")],
)
def test_half_a_change_of_settings_is_none(athanor: Athanor, make: Runs, words: tuple[object, ...]) -> None:
    other = ("--slots", 2) if words[0] != "--slots" else ("--keep-every", 2)
    done = athanor("settings", *other, *words)
    assert (done.code, done.out) == (2, "")
    assert "Traceback" not in done.err
    assert {name: settings.get(make.store, one) for name, one in settings.SETTINGS.items()} == {
        "disk_budget": 20.0, "slots": 1, "keep_every": 0,
    }  # fmt: skip
