"""Deleting runs: nothing of them stays, nothing else goes, and a kill in between leaves nothing half."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from engine.config import CONFIG_VERSION
from engine.errors import NotFound, Refused
from engine.store import attempts, deletion, records, runs, transitions
from engine.store.connect import Store
from engine.store.home import PROJECT
from engine.store.keeping import Kept
from engine.store.records import Batch, Event, Metric
from engine.store.runs import Claim, New, State, TestResult
from engine.store.tables import metadata, series
from engine.store.tables import runs as runs_table

DELETE = """
import sys
from engine.store.connect import Store
from engine.store.deletion import delete
from engine.store.home import Home
delete(Store(Home.find(sys.argv[1])), [int(number) for number in sys.argv[2:]])
"""


def ended(store: Store, parent: int | None = None, state: State = State.FINISHED) -> int:
    """A run that has left a row in every table and files in its folder."""
    number = runs.create(store, New("a run", {}, 1, parent=parent))
    claim = transitions.claim(store)
    assert claim is not None
    transitions.begin(store, claim, {})
    write_all(store, claim)
    assert transitions.end(store, claim, state)
    return number


def bring(store: Store, state: State) -> None:
    """The run that waits, as far as a state before its end."""
    if state is not State.QUEUED:
        claim = transitions.claim(store)
        assert claim is not None
        if state is not State.STARTING:
            transitions.begin(store, claim, {})
        if state is State.PAUSED:
            transitions.end(store, claim, state)


def write_all(store: Store, claim: Claim) -> None:
    kept = Kept("step-00000010", 10, 1, True, 4, "0" * 64)
    rows = [Metric(1, "val_loss", 1, 1, 0.5, 1.0)], [Event(2, "verdict", 1, 1, {}, 1.0)]
    records.append(store, claim, Batch(*rows, [kept], {"epoch": 1}))
    records.command(store, claim.run, "stop")
    runs.set_test(store, claim, TestResult(1, 0.1, 0.9, 10))
    with store.write() as connection:
        connection.execute(sa.insert(series).values(run=claim.run, name="loss", first_seq=1, last_seq=1, points=1, data=b"1"))
    store.home.checkpoints(claim.run).mkdir(parents=True)
    (store.home.checkpoints(claim.run) / f"{kept.name}.json").write_bytes(b"1234")
    store.home.log(claim.run).write_text("a log\n")


def rows_of(store: Store, number: int) -> dict[str, int]:
    """How many rows of each table are of a run."""
    counts = {}
    with store.read() as connection:
        for table in metadata.sorted_tables:
            for column in [runs_table.c.id] if table is runs_table else [table.c[name] for name in ("run", "parent") if name in table.c]:
                query = sa.select(sa.func.count()).select_from(table).where(column == number)
                counts[f"{table.name}.{column.name}"] = connection.execute(query).scalar_one()
    return {name: count for name, count in counts.items() if count}


def test_nothing_of_a_deleted_run_stays_and_nothing_else_goes(store: Store) -> None:
    first, second = ended(store), ended(store)
    other = rows_of(store, second)
    assert len(rows_of(store, first)) == 8
    assert deletion.delete(store, [first]) == deletion.Deleted([first], [])
    assert rows_of(store, first) == {}
    assert rows_of(store, second) == other
    assert not store.home.run(first).exists()
    assert store.home.log(second).read_text() == "a log\n"
    assert sorted(path.name for path in store.home.runs.iterdir()) == [store.home.run(second).name]
    with pytest.raises(NotFound):
        runs.get(store, first)


@pytest.mark.parametrize("state", [State.QUEUED, State.STARTING, State.RUNNING, State.PAUSED])
def test_what_has_not_ended_is_refused_and_nothing_is_deleted(store: Store, state: State) -> None:
    whole, number = ended(store), runs.create(store, New("a run", {}, 1))
    bring(store, state)
    before = rows_of(store, whole), rows_of(store, number)
    with pytest.raises(Refused, match=rf"Run {number} is {state}.*stop {number}"):
        deletion.delete(store, [whole, number])
    assert (rows_of(store, whole), rows_of(store, number)) == before
    assert store.home.log(whole).exists()


@pytest.mark.parametrize("state", [state for state in State if state.ended])
def test_every_ended_run_can_be_deleted(store: Store, state: State) -> None:
    number = ended(store, state=state)
    assert deletion.delete(store, [number]).runs == [number]


def test_a_parent_stays_as_long_as_its_children(store: Store) -> None:
    parent = ended(store)
    children = [ended(store, parent), ended(store, parent)]
    with pytest.raises(Refused, match=rf"Run {parent} is not deleted.*: {children[0]}, {children[1]}\."):
        deletion.delete(store, [parent])
    with pytest.raises(Refused, match=rf": {children[1]}\."):
        deletion.delete(store, [parent, children[0]])
    assert deletion.delete(store, [parent, *children]).runs == [parent, *children]
    assert list(store.home.runs.iterdir()) == []


def test_a_childs_deletion_frees_its_parent(store: Store) -> None:
    parent = ended(store)
    child = ended(store, parent)
    deletion.delete(store, [child])
    assert runs.children(store, parent) == []
    deletion.delete(store, [parent])


def beginning_with(store: Store, donor: int) -> int:
    """A queued run that is to begin with the weights of another."""
    return runs.create(store, New("a run", {"model": {"weights": f"run:{donor}"}}, CONFIG_VERSION))


@pytest.mark.parametrize("state", [State.QUEUED, State.STARTING, State.RUNNING, State.PAUSED])
def test_weights_stay_as_long_as_a_run_that_begins_with_them_has_not_ended(store: Store, state: State) -> None:
    donor, bystander = ended(store), ended(store)
    heir = beginning_with(store, donor)
    bring(store, state)
    assert runs.get(store, heir).state is state
    for numbers in ([donor], [bystander, donor]):
        with pytest.raises(Refused, match=rf"Run {donor} is not deleted.*: {heir}\."):
            deletion.check(store, numbers)
        with pytest.raises(Refused):
            deletion.delete(store, numbers)
    assert store.home.log(donor).exists()
    assert deletion.delete(store, [bystander]).runs == [bystander]


def test_weights_go_once_every_run_that_began_with_them_has_ended(store: Store) -> None:
    donor = ended(store)
    heirs = [beginning_with(store, donor), beginning_with(store, donor)]
    with pytest.raises(Refused, match=rf": {heirs[0]}, {heirs[1]}\."):
        deletion.delete(store, [donor])
    for heir in heirs:
        assert transitions.stop_waiting(store, heir)
    assert deletion.delete(store, [donor]).runs == [donor]
    assert runs.get(store, heirs[0]).knobs["weights"] == f"run:{donor}"


def test_a_missing_run_is_named_and_nothing_is_deleted(store: Store) -> None:
    number = ended(store)
    with pytest.raises(NotFound, match="no run 99"):
        deletion.delete(store, [number, 99])
    assert runs.get(store, number).state is State.FINISHED
    assert deletion.delete(store, []) == deletion.Deleted([], [])


def test_a_run_without_a_folder_can_be_deleted(store: Store) -> None:
    number = runs.create(store, New("a run", {}, 1))
    assert transitions.stop_waiting(store, number)
    assert deletion.delete(store, [number, number]).runs == [number]


def test_the_number_of_a_deleted_run_is_never_given_again(store: Store) -> None:
    numbers = [ended(store), ended(store)]
    deletion.delete(store, [numbers[1]])
    third = ended(store)
    assert third == 3
    deletion.delete(store, [1, 3])
    assert [ended(store), ended(store)] == [4, 5]


def test_links_are_removed_and_not_followed(store: Store, tmp_path: Path) -> None:
    number, precious = ended(store), tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("years of work")
    (store.home.run(number) / "link").symlink_to(precious, target_is_directory=True)
    (store.home.run(number) / "file").symlink_to(precious / "thesis.txt")
    deletion.delete(store, [number])
    assert (precious / "thesis.txt").read_text() == "years of work"


def test_a_run_folder_that_is_a_link_is_unlinked_only(store: Store, tmp_path: Path) -> None:
    number, elsewhere = ended(store), tmp_path / "elsewhere"
    store.home.run(number).rename(elsewhere)
    store.home.run(number).symlink_to(elsewhere, target_is_directory=True)
    assert deletion.delete(store, [number]).left == []
    assert (elsewhere / "log.txt").read_text() == "a log\n"
    assert list(store.home.runs.iterdir()) == []


def delete_with(store: Store, fault: str, *numbers: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", DELETE, str(store.home.root), *map(str, numbers)]
    faulty = os.environ | {"ATHANOR_FAULTS": fault}
    return subprocess.run(command, cwd=PROJECT, env=faulty, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(("point", "gone"), [("delete.before_commit", False), ("delete.before_files", True)])
def test_a_kill_leaves_a_whole_run_or_none(store: Store, point: str, gone: bool) -> None:
    first, second, third = ended(store), ended(store), ended(store)
    before = rows_of(store, first)
    assert delete_with(store, f"{point}=kill", first, second).returncode == -9
    assert not store.home.run(first).exists()
    assert rows_of(store, first) == ({} if gone else before)
    deletion.delete(store, [third])
    assert deletion.trash(store.home) == []
    assert store.home.log(first).exists() is not gone
    assert store.home.log(second).exists() is not gone


def test_what_the_disk_refuses_leaves_every_run_as_it_was(store: Store) -> None:
    first, second = ended(store), ended(store)
    before = rows_of(store, first)
    failed = delete_with(store, "delete.before_commit=full", first, second)
    assert "StoreError: Nothing was deleted" in failed.stderr
    assert rows_of(store, first) == before
    assert store.home.log(first).read_text() == store.home.log(second).read_text() == "a log\n"
    assert deletion.trash(store.home) == []


@pytest.mark.parametrize("name", [".deleted-²", ".deleted-" + "9" * 30, ".deleted-", ".deleted-x", ".deleted-000001"])
def test_strange_names_among_the_trash_keep_nothing_from_being_deleted(store: Store, tmp_path: Path, name: str) -> None:
    number = ended(store)
    other = runs.create(store, New("a run", {}, 1))
    assert transitions.stop_waiting(store, other)
    (store.home.runs / name).mkdir()
    assert deletion.delete(store, [number]) == deletion.Deleted([number], [])
    assert deletion.delete(store, [other]) == deletion.Deleted([other], [])


def test_a_link_among_the_trash_is_given_back_to_no_run(store: Store, tmp_path: Path) -> None:
    other, number = ended(store), runs.create(store, New("a run", {}, 1))
    (tmp_path / "precious").mkdir()
    (store.home.runs / f".deleted-{number:06d}").symlink_to(tmp_path / "precious")
    deletion.delete(store, [other])
    assert not store.home.run(number).exists()
    assert (tmp_path / "precious").is_dir()


def test_the_past_of_a_deleted_run_is_gone(store: Store) -> None:
    number = ended(store)
    deletion.delete(store, [number])
    assert attempts.told(store, number) == []
    assert records.last_seq(store, number) == 0
