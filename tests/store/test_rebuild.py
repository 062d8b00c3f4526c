"""Manifests and what is made of them: the same runs again, and no stack trace for those that are cut, altered or made to harm."""

import hashlib
import json
from collections.abc import Callable
from typing import Any, get_args

import pytest

from engine.errors import NotFound
from engine.store import attempts, keeping, manifest, packing, records, runs, transitions
from engine.store.connect import Store
from engine.store.home import Home
from engine.store.rebuild import rebuild
from engine.store.records import Batch
from engine.store.restoring import Rebuilt
from engine.store.runs import State
from tests.store.filled import claimed, ended, queue, told

Body = dict[str, Any]


def rewritten(home: Home, run: int, change: Callable[[Body], object]) -> None:
    """A manifest altered by someone who knows the hash."""
    body = json.loads(home.manifest(run).read_text("utf-8"))
    del body["sha256"]
    change(body)
    digest = hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    home.manifest(run).write_text(json.dumps(body | {"sha256": digest}), encoding="utf-8")


def test_the_forms_know_every_state() -> None:
    assert set(get_args(manifest.State)) == set(State)


def test_what_ended_comes_back_as_it_was(store: Store, elsewhere: Callable[[], Store]) -> None:
    first = ended(store)
    second = ended(store, range(1, 31), State.FAILED)
    packing.pack(store, second)
    for run in (first, second):
        manifest.write(store, run)
    other = elsewhere()
    assert rebuild(other) == Rebuilt([first, second])
    for run in (first, second):
        assert runs.get(other, run) == runs.get(store, run)
        assert records.history(other, run) == records.history(store, run)
        assert records.read(other, run).events == records.read(store, run).events
        assert attempts.told(other, run) == attempts.told(store, run)
        assert records.last_seq(other, run) == records.last_seq(store, run)
    assert rebuild(other) == Rebuilt()
    assert queue(other) == [second + 1]


def test_what_was_under_way_is_lost_and_what_waited_is_paused(store: Store, elsewhere: Callable[[], Store]) -> None:
    claim = claimed(store)
    records.append(store, claim, Batch(told(range(1, 5))))
    waiting = queue(store)[0]
    for run in (claim.run, waiting):
        manifest.write(store, run)
    other = elsewhere()
    rebuild(other)
    restored = runs.get(other, claim.run)
    assert (restored.state, restored.reason) == (State.LOST, {"key": "errors.rebuilt", "fields": {}})
    assert restored.ended_at is not None
    assert [past.state for past in attempts.told(other, claim.run)] == [State.LOST]
    assert runs.get(other, waiting).state is State.PAUSED
    assert transitions.claim(other) is None
    transitions.retry(other, claim.run)
    again = transitions.claim(other)
    assert again is not None
    assert (again.run, again.attempt) == (claim.run, 2)


def test_a_manifest_has_no_token(store: Store) -> None:
    claim = claimed(store)
    assert claim.token not in manifest.write(store, claim.run).read_text("utf-8")


def test_lineage_and_test_result_come_back(store: Store, elsewhere: Callable[[], Store]) -> None:
    parent = ended(store)
    config = runs.get(store, parent).config
    child = runs.create(store, runs.New("child", config, 2, parent=parent))
    claim = transitions.claim(store)
    assert claim is not None
    runs.set_test(store, claim, runs.TestResult(3, 0.5, 0.75, 100))
    transitions.end(store, claim, State.STOPPED)
    for run in (parent, child):
        manifest.write(store, run)
    other = elsewhere()
    rebuild(other)
    assert runs.parents(other, child) == [parent]
    assert runs.test_result(other, child) == runs.TestResult(3, 0.5, 0.75, 100)


def test_only_checkpoints_whose_file_is_whole_are_named(store: Store, elsewhere: Callable[[], Store]) -> None:
    claim = claimed(store)
    folder = store.home.checkpoints(claim.run)
    folder.mkdir(parents=True)
    for name in ("a", "b", "c"):
        (folder / f"{name}.json").write_text(name)
    digests = {name: hashlib.sha256(name.encode()).hexdigest() for name in "abc"}
    kept = [keeping.Kept(name, step, step, name == "a", 1, digests[name]) for step, name in enumerate("abc", 1)]
    records.append(store, claim, Batch(checkpoints=kept))
    manifest.write(store, claim.run)
    (folder / "b.json").write_text("B")
    (folder / "c.json").unlink()
    other = elsewhere()
    rebuild(other)
    assert keeping.of(other, claim.run) == [kept[0]]


def test_folders_without_a_manifest_are_listed_and_their_numbers_kept(store: Store, elsewhere: Callable[[], Store]) -> None:
    manifest.write(store, ended(store))
    store.home.run(7).mkdir()
    for stranger in ("000000", "7", "notes", "0000008"):
        (store.home.runs / stranger).mkdir()
    other = elsewhere()
    assert rebuild(other) == Rebuilt([1], [7])
    assert queue(other) == [8]


def test_a_manifest_of_no_run_cannot_be_written(store: Store) -> None:
    with pytest.raises(NotFound):
        manifest.write(store, 99)


def test_a_manifest_replaces_the_one_before_and_leaves_nothing_beside(store: Store) -> None:
    claim = claimed(store)
    manifest.write(store, claim.run)
    transitions.end(store, claim, State.FINISHED)
    path = manifest.write(store, claim.run)
    assert json.loads(path.read_text("utf-8"))["run"]["state"] == "finished"
    assert [file.name for file in path.parent.iterdir()] == ["manifest.json"]


def _in_run(**values: object) -> Callable[[Body], object]:
    return lambda body: body["run"].update(values)


HOSTILE: dict[str, Callable[[Body], object]] = {
    "another run's number": _in_run(id=2),
    "a negative number": _in_run(id=-1),
    "a huge number": _in_run(attempt=10**30),
    "a state that is none": _in_run(state="exploded"),
    "a config that is none": _in_run(config=[1, 2]),
    "a config with a wrong value": _in_run(config={"budget": {"epochs": -3}}),
    "a config of the future": _in_run(config_version=99),
    "a name that is a number": _in_run(name=5),
    "a summary that is no number": _in_run(summary={"epoch": {"a": 1}}),
    "a summary of a huge number": _in_run(summary={"val_accuracy": 10**400}),
    "a summary of an infinite number": _in_run(summary={"val_loss": float("inf")}),
    "a summary of more than everything": _in_run(summary={"val_accuracy": 1.5}),
    "a summary of a number that counts nothing": _in_run(summary={"anything": [2**53]}),
    "a summary of depths": _in_run(summary={"deep": json.loads("[" * 100 + "]" * 100)}),
    "pictures that cannot be counted": _in_run(summary={"validation_images": "many"}),
    "fewer pictures than none": _in_run(summary={"train_images": -5}),
    "classes of no pictures": _in_run(summary={"class_counts": [5, "a"]}),
    "weights that are a word": _in_run(summary={"weights": "x"}),
    "weights of no share": _in_run(summary={"weights": {"from": "run:1"}}),
    "a share of weights that is a word": _in_run(summary={"weights": {"share": "a", "taken": 1, "left": 1}}),
    "a verdict that is no name": _in_run(summary={"verdict": ["a"]}),
    "epochs done of nobody knows how many": _in_run(summary={"epoch": 1, "seconds": 2.0}),
    "a priority without a word": _in_run(priority=7),
    "an attempt still to come": _in_run(attempt=0),
    "too many attempts": _in_run(attempt=10**6),
    "numerics of a million threads": _in_run(numerics={"threads": 10**6}),
    "a reason without words": _in_run(reason={"key": "errors.nothing_like_it", "fields": {}}),
    "a reason without its values": _in_run(reason={"key": "errors.crashed", "fields": {}}),
    "a column of ours": _in_run(token="mine"),
    "a table of ours": lambda body: body.update(commands=[]),
    "a part missing": lambda body: body.pop("events"),
    "a format of the future": lambda body: body.update(format=2),
    "a blob that is none": lambda body: body["series"][0].update(data="%%%"),
    "a blob cut short": lambda body: body["series"][0].update(data=body["series"][0]["data"][:56]),
    "a blob twice": lambda body: body["series"].append(body["series"][0]),
    "an event twice": lambda body: body["events"].append(body["events"][0]),
    "an attempt twice": lambda body: body["attempts"].append(body["attempts"][0]),
    "an event after all others": lambda body: body["events"][0].update(seq=2**31 - 1),
    "an event at no time": lambda body: body["events"][0].update(time="never"),
    "a checkpoint outside": lambda body: body["checkpoints"].append(
        {"name": "../../x", "attempt": 1, "step": 1, "epoch": 1, "best": True, "bytes": 1, "sha256": "0" * 64, "time": 1.0}
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_manifest_made_to_harm_is_listed_and_leaves_nothing(store: Store, elsewhere: Callable[[], Store], change: Any) -> None:
    bad, good = ended(store), ended(store)
    for run in (bad, good):
        manifest.write(store, run)
    rewritten(store.home, bad, change)
    other = elsewhere()
    assert rebuild(other) == Rebuilt([good], [], [bad])
    assert [run.id for run in runs.listing(other)] == [good]
    assert records.read(other, bad).metrics == []


BROKEN: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "cut": lambda content: content[: len(content) // 2],
    "flipped": lambda content: content.replace(b'"a run"', b'"b run"'),
    "not text": lambda _: bytes(range(256)),
    "no object": lambda _: b"[1]",
    "deep": lambda _: b"[" * 200_000,
    "endless": lambda _: b'{"run": ' + b"9" * 10_000 + b"}",
    "not a number": lambda _: b'{"run": NaN}',
}


@pytest.mark.parametrize("change", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_manifest_is_listed(file_store: Store, change: Callable[[bytes], bytes]) -> None:
    path = manifest.write(file_store, ended(file_store))
    path.write_bytes(change(path.read_bytes()))
    other = Store(Home(file_store.home.root / "elsewhere"))
    (other.home.root / "runs").symlink_to(file_store.home.runs)
    assert rebuild(other) == Rebuilt([], [], [1])
    other.engine.dispose()


def test_links_are_not_followed(file_store: Store) -> None:
    path = manifest.write(file_store, ended(file_store))
    home = Home(file_store.home.root / "elsewhere")
    home.run(1).mkdir(parents=True)
    home.manifest(1).symlink_to(path)
    (home.runs / "000002").symlink_to(path.parent)
    other = Store(home)
    assert other.rebuilt == Rebuilt([], [], [1])
    other.engine.dispose()
