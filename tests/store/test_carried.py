"""Run folders carried in from a stranger: nothing in them leads outside, blocks the queue or ends in a stack trace."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from engine.errors import NotFound, Refused
from engine.store import blobs, budget, deletion, manifest, numbering, records, restoring, runs, tables, transitions
from engine.store.connect import Store
from engine.store.home import Home
from engine.store.rebuild import rebuild
from engine.store.records import Batch, Event
from engine.store.restoring import Rebuilt
from engine.store.runs import State
from tests.store.filled import VERDICT, claimed, ended, queue
from tests.store.test_rebuild import rewritten
from tests.waiting import until


@pytest.fixture
def carried(file_store: Store, request: pytest.FixtureRequest) -> Callable[[], Store]:
    """An empty store over the same run folders."""

    def empty() -> Store:
        home = Home(file_store.home.root / "elsewhere")
        home.root.mkdir()
        home.runs.symlink_to(file_store.home.runs)
        made = Store(home)
        request.addfinalizer(made.engine.dispose)
        return made

    return empty


ODD: dict[str, Callable[[Home, Path], object]] = {
    "a log that is a link": lambda home, victim: home.log(1).symlink_to(victim / "thesis.tex"),
    "a log that is a pipe": lambda home, victim: os.mkfifo(home.log(1)),
    "checkpoints elsewhere": lambda home, victim: home.checkpoints(1).symlink_to(victim),
    "a pipe for weights": lambda home, victim: (home.checkpoints(1).mkdir(), os.mkfifo(home.checkpoints(1) / "a.weights.safetensors")),
    "a link to nothing": lambda home, victim: (home.run(1) / "notes").symlink_to("nowhere"),
    "a manifest that is a pipe": lambda home, victim: (home.manifest(1).unlink(), os.mkfifo(home.manifest(1))),
}


@pytest.mark.slow
@pytest.mark.parametrize("place", ODD.values(), ids=ODD.keys())
def test_a_folder_with_more_than_plain_files_is_not_restored(
    file_store: Store, carried: Callable[[], Store], tmp_path: Path, place: Callable[[Home, Path], object]
) -> None:
    manifest.write(file_store, ended(file_store))
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "thesis.tex").write_text("mine")
    place(file_store.home, victim)
    assert carried().rebuilt == Rebuilt([], [], [1])
    assert (victim / "thesis.tex").read_text() == "mine"


def test_an_attempt_that_is_still_to_come_does_not_block_the_queue(file_store: Store, carried: Callable[[], Store]) -> None:
    run = ended(file_store, state=State.STOPPED)
    manifest.write(file_store, run)
    rewritten(file_store.home, run, lambda body: body["run"].update(attempt=0))
    other = carried()
    assert other.rebuilt == Rebuilt([], [], [run])
    waiting = queue(other)[0]
    claim = transitions.claim(other)
    assert claim is not None
    assert claim.run == waiting


def test_checkpoints_of_a_false_size_are_not_named(file_store: Store, carried: Callable[[], Store]) -> None:
    run = ended(file_store)
    manifest.write(file_store, run)
    file_store.home.checkpoints(run).mkdir()
    (file_store.home.checkpoints(run) / "a.json").write_text("{}")
    digest = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    row = {"name": "a", "attempt": 1, "step": 1, "epoch": 1, "best": True, "bytes": 2**53 - 1, "sha256": digest, "time": 1.0}
    rewritten(file_store.home, run, lambda body: body["checkpoints"].append(row))
    other = carried()
    assert other.rebuilt == Rebuilt([run])
    assert budget.space(other).checkpoints == 0


@pytest.mark.parametrize("change", [{"evidence": []}, {"name": "unheard_of"}, {"tier": 5}, {"epoch": None}, {"refuted_by": {}}])
def test_a_verdict_without_words_is_left_out(file_store: Store, carried: Callable[[], Store], change: dict[str, object]) -> None:
    run = ended(file_store)
    manifest.write(file_store, run)
    rewritten(file_store.home, run, lambda body: body["events"][0].update(data=VERDICT.as_dict() | change))
    other = carried()
    assert other.rebuilt == Rebuilt([run])
    assert records.last_event(other, run, records.VERDICT) is None


ADVICE = {"name": "drop_more", "changes": {"dropout": [0.2, 0.4]}, "cost": 1.0}
HARMFUL = {
    "of no remedy": [ADVICE | {"name": "transmute"}],
    "twice": [ADVICE, ADVICE],
    "of an unknown knob": [ADVICE | {"changes": {"sorcery": [0, 1]}}],
    "of a value that is none": [ADVICE | {"changes": {"dropout": [0.2, {"a": 1}]}}],
    "of a value out of range": [ADVICE | {"changes": {"dropout": [0.2, 5.0]}}],
    "from a value that is none": [ADVICE | {"changes": {"dropout": ["much", 0.4]}}],
    "of half a change": [ADVICE | {"changes": {"dropout": [0.2]}}],
    "at no cost": [ADVICE | {"cost": 0.0}],
    "at an endless cost": [ADVICE | {"cost": "inf"}],
    "at a cost beyond counting": [ADVICE | {"cost": 1e300}],
    "at a cost that is no number": [ADVICE | {"cost": "nan"}],
    "without a cost": [{"name": "drop_more", "changes": {}}],
    "in no list": ADVICE,
    "that are none": [5],
}


@pytest.mark.parametrize("prescriptions", HARMFUL.values(), ids=HARMFUL.keys())
def test_a_verdict_with_prescriptions_that_cannot_be_shown_is_left_out(
    file_store: Store, carried: Callable[[], Store], prescriptions: object
) -> None:
    good, bad = ended(file_store), ended(file_store)
    for run, given in ((good, [ADVICE]), (bad, prescriptions)):
        manifest.write(file_store, run)
        data = VERDICT.as_dict() | {"prescriptions": given}
        rewritten(file_store.home, run, lambda body, data=data: body["events"][0].update(data=data))
    other = carried()
    assert other.rebuilt == Rebuilt([good, bad])
    assert records.last_event(other, bad, records.VERDICT) is None
    kept = records.last_event(other, good, records.VERDICT)
    assert kept is not None and kept.data["prescriptions"] == [ADVICE]


def test_a_name_comes_back_on_one_line(file_store: Store, carried: Callable[[], Store]) -> None:
    run = ended(file_store)
    manifest.write(file_store, run)
    rewritten(file_store.home, run, lambda body: body["run"].update(name="evil\x1b]0;owned\x07\nsecond line"))
    assert runs.get(carried(), run).name == "evil ]0;owned second line"


@pytest.mark.parametrize(("name", "following"), [("999999999", 1), ("99999999", 100_000_000), ("12345678", 12_345_679)])
def test_a_folder_uses_up_no_numbers(tmp_path: Path, name: str, following: int) -> None:
    (tmp_path / "runs" / name).mkdir(parents=True)
    store = Store(Home(tmp_path))
    assert queue(store) == [following]
    assert runs.number_of(str(following)) == following
    store.engine.dispose()


def test_when_numbers_run_out_that_is_said(file_store: Store) -> None:
    with file_store.write() as connection:
        numbering.retire(connection, numbering.HIGHEST)
    with pytest.raises(Refused, match="no number left for a new run: 999999999"):
        queue(file_store)


def test_a_run_deleted_while_its_manifest_is_written_stays_deleted(file_store: Store) -> None:
    run, raised = ended(file_store), []

    def write() -> None:
        try:
            manifest.write(file_store, run)
        except NotFound as error:
            raised.append(error)

    writer = threading.Thread(target=write)
    with file_store.write() as connection:  # a deletion that is under way
        writer.start()
        until(file_store.home.manifest(run).exists)
        deletion._delete_rows(connection, [run])
    writer.join()
    assert len(raised) == 1
    assert not file_store.home.run(run).exists()
    assert rebuild(file_store) == Rebuilt()


@pytest.fixture
def long_run(file_store: Store) -> Iterator[int]:
    """A million points, and the verdicts of as many epochs as a run may have."""
    claim = claimed(file_store)
    happened = [Event(seq, records.VERDICT, seq, seq, VERDICT.as_dict(), time.time()) for seq in range(1, 10_001)]
    records.append(file_store, claim, Batch(events=happened))
    numbers, rows = np.random.default_rng(0), []
    for first in range(10_001, 1_010_001, 5000):
        seqs = np.arange(first, first + 5000)
        points = blobs.Columns(seqs, seqs, seqs // 1000, np.ones(5000), numbers.random(5000), numbers.random(5000) + 1e9)
        blob = {"first_seq": first, "last_seq": first + 4999, "points": 5000, "data": blobs.packed(points)}
        rows.append({"run": claim.run, "name": "step_loss"} | blob)
    with file_store.write() as connection:
        connection.execute(sa.insert(tables.series), rows)
    transitions.end(file_store, claim, State.FINISHED)
    yield claim.run
    file_store.home.manifest(claim.run).unlink()


@pytest.mark.slow
def test_a_long_run_comes_back_whole(file_store: Store, carried: Callable[[], Store], long_run: int) -> None:
    path = manifest.write(file_store, long_run)
    print(f"\nmanifest: {path.stat().st_size / 2**20:.1f} MiB of {manifest.MOST_BYTES / 2**20:.0f}")
    assert path.stat().st_size < manifest.MOST_BYTES / 2
    assert carried().rebuilt == Rebuilt([long_run])


@pytest.mark.parametrize("part", ["[],", '{"a":1},', "1,"])
def test_a_manifest_of_very_many_parts_is_refused_before_it_is_taken_apart(file_store: Store, part: str) -> None:
    run = ended(file_store)
    path = manifest.write(file_store, run)
    path.write_text('{"x":[' + part * 3_000_000 + '[]],"sha256":"x"}')
    with pytest.raises(ValueError, match="expected at most 600000 lists and objects"):
        manifest.read(file_store.home, run)


def test_the_verdict_is_called_the_same_everywhere() -> None:
    assert restoring.VERDICT == records.VERDICT
