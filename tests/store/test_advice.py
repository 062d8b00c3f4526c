"""What was prescribed and followed: kept beside the run that tried it, carried with it, gone with it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
import sqlalchemy as sa

from engine.config import CONFIG_VERSION, KNOBS, RunConfig
from engine.diagnosis import judge, prescribe
from engine.errors import NotFound
from engine.store import advice, deletion, manifest, records, runs, transitions
from engine.store.connect import Store
from engine.store.rebuild import rebuild
from engine.store.records import Batch, Event
from engine.store.restoring import Rebuilt
from engine.store.runs import Advice, New, State
from engine.store.tables import advice as table
from tests.diagnosis import golden
from tests.store.filled import claimed, ended, taken
from tests.store.test_rebuild import rewritten

AUGMENT = Advice("overfitting", "augment_more")
CONFIG = RunConfig().model_dump(mode="json")


def queued(store: Store, parent: int, what: Advice = AUGMENT, launch_key: str | None = None) -> int:
    return runs.create(store, New("a child", CONFIG, CONFIG_VERSION, launch_key, parent=parent, advice=what))


def tried(store: Store, parent: int, what: Advice = AUGMENT, state: State = State.FINISHED, accuracy: float = 0.95) -> int:
    """A child that has tried it to its end."""
    child, claim = queued(store, parent, what), taken(store)
    assert claim.run == child
    records.append(store, claim, Batch(summary={"val_accuracy": accuracy}))
    transitions.end(store, claim, state)
    return child


def test_what_was_followed_is_found_with_both_runs_and_how_they_came_out(store: Store) -> None:
    parent = ended(store)
    child = tried(store, parent)
    assert advice.followed(store) == [advice.Followed(child, parent, "overfitting", "augment_more", 0.9, 0.95, comparable=True, pair=child)]
    assert advice.followed(store, child) == advice.followed(store)
    assert advice.followed(store, parent) == []
    assert runs.parents(store, child) == [parent]


@pytest.mark.parametrize("state", [state for state in State if state.ended])
def test_only_two_finished_runs_make_a_pair(store: Store, state: State) -> None:
    whole, other = ended(store), ended(store, state=state)
    child, of_other = tried(store, whole, state=state), tried(store, other)
    found = {each.run: each.comparable for each in advice.followed(store)}
    assert found == {child: state is State.FINISHED, of_other: state is State.FINISHED}


def test_runs_judged_by_other_pictures_are_no_pair(store: Store) -> None:
    parent = ended(store)
    other = RunConfig().changed(twins="near").model_dump(mode="json")
    child = runs.create(store, New("apart", other, CONFIG_VERSION, parent=parent, advice=Advice("data_suspect", "part_twins")))
    claim = taken(store)
    records.append(store, claim, Batch(summary={"val_accuracy": 0.5}))
    transitions.end(store, claim, State.FINISHED)
    assert [(each.run, each.comparable) for each in advice.followed(store)] == [(child, False)]


def finished(store: Store, parent: int | None = None, images: int = 100, counts: Sequence[int] = (40, 40), **knobs: object) -> int:
    """A run on a folder with so many pictures of each class, that tried something where it has a parent."""
    config = RunConfig.from_flat(knobs).model_dump(mode="json")
    what = None if parent is None else AUGMENT
    number, claim = runs.create(store, New("a run", config, CONFIG_VERSION, parent=parent, advice=what)), taken(store)
    assert claim.run == number
    summary = {"val_accuracy": 0.5, "validation_images": images, "class_counts": list(counts)}
    records.append(store, claim, Batch(summary=summary))
    transitions.end(store, claim, State.FINISHED)
    return number


def test_runs_on_a_folder_that_has_changed_are_no_pair(store: Store) -> None:
    parent = finished(store)
    changed = [finished(store, parent, images=400), finished(store, parent, counts=(40, 160)), finished(store, parent, counts=(40, 40, 1))]
    same = finished(store, parent, dropout=0.4)
    assert {each.run: each.comparable for each in advice.followed(store)} == dict.fromkeys(changed, False) | {same: True}


def test_with_another_share_of_the_training_pictures_the_validation_pictures_decide(store: Store) -> None:
    parent = finished(store, train_share=0.5)
    more = finished(store, parent, counts=(80, 80), train_share=1.0)
    grown = finished(store, parent, images=400, counts=(80, 80), train_share=1.0)
    assert {each.run: each.comparable for each in advice.followed(store)} == {more: True, grown: False}


def test_copies_of_a_pair_are_known_by_both_configs(store: Store) -> None:
    parents = [finished(store), finished(store), finished(store, seed=1)]
    children = [finished(store, parent, dropout=0.4) for parent in parents]
    other = finished(store, parents[0], dropout=0.5)
    pairs = {each.run: each.pair for each in advice.followed(store)}
    assert pairs == {run: run for run in (*children, other)} | {children[1]: children[0]}


def test_a_child_that_waits_is_no_pair_yet(store: Store) -> None:
    child = queued(store, ended(store))
    assert [(each.run, each.after, each.comparable) for each in advice.followed(store)] == [(child, None, False)]


def test_the_newest_come_first_and_not_without_end(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    parent = ended(store)
    children = [queued(store, parent, Advice("overfitting", name)) for name in ("augment_more", "drop_more", "decay_more")]
    assert [each.run for each in advice.followed(store)] == children[::-1]
    monkeypatch.setattr(advice, "MOST", 2)
    assert [each.prescription for each in advice.followed(store)] == ["decay_more", "drop_more"]


def test_pressed_twice_it_is_followed_once(store: Store) -> None:
    parent = ended(store)
    assert queued(store, parent, launch_key="k") == queued(store, parent, launch_key="k")
    assert len(advice.followed(store)) == 1


def test_what_is_for_no_run_is_not_queued(store: Store) -> None:
    with pytest.raises(NotFound):
        queued(store, 99)
    assert (runs.listing(store), advice.followed(store)) == ([], [])


def test_it_goes_with_the_run_that_tried_it(store: Store) -> None:
    parent = ended(store)
    first, second = tried(store, parent), tried(store, parent)
    deletion.delete(store, [first])
    assert [each.run for each in advice.followed(store)] == [second]
    deletion.delete(store, [parent, second])
    with store.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(table)).scalar() == 0


def test_it_is_carried_in_the_manifest(store: Store, elsewhere: Callable[[], Store]) -> None:
    parent = ended(store)
    child = tried(store, parent)
    for run in (parent, child):
        manifest.write(store, run)
    other = elsewhere()
    assert rebuild(other) == Rebuilt([parent, child])
    assert advice.followed(other) == advice.followed(store) != []


def test_without_its_parent_it_is_forgotten(store: Store, elsewhere: Callable[[], Store]) -> None:
    child = tried(store, ended(store))
    manifest.write(store, child)
    other = elsewhere()
    assert rebuild(other) == Rebuilt([child])
    assert (advice.followed(other), runs.parents(other, child)) == ([], [])


def test_a_manifest_from_before_there_was_advice_is_read(store: Store, elsewhere: Callable[[], Store]) -> None:
    run = ended(store)
    manifest.write(store, run)
    rewritten(store.home, run, lambda body: body.pop("advice"))
    other = elsewhere()
    assert rebuild(other) == Rebuilt([run])
    assert advice.followed(other) == []


@pytest.mark.parametrize(
    "change",
    [{"verdict": "a b"}, {"verdict": ["x"]}, {"prescription": "../x"}, {"prescription": ""}, {"parent": -1}, {"parent": "1"}, {"more": 1}],
)
def test_advice_made_to_harm_is_no_manifest(store: Store, elsewhere: Callable[[], Store], change: dict[str, object]) -> None:
    parent = ended(store)
    child = tried(store, parent)
    for run in (parent, child):
        manifest.write(store, run)
    rewritten(store.home, child, lambda body: body["advice"][0].update(change))
    other = elsewhere()
    assert rebuild(other) == Rebuilt([parent], [], [child])
    assert advice.followed(other) == []


def test_of_a_run_that_says_to_have_tried_much_the_first_counts_and_itself_is_no_parent(
    store: Store, elsewhere: Callable[[], Store]
) -> None:
    parent = ended(store)
    much, itself = tried(store, parent), tried(store, parent)
    for run in (parent, much, itself):
        manifest.write(store, run)
    rewritten(store.home, much, lambda body: body["advice"].append(body["advice"][0] | {"prescription": "drop_more"}))
    rewritten(store.home, itself, lambda body: body["advice"][0].update(parent=itself))
    other = elsewhere()
    assert rebuild(other) == Rebuilt([parent, much, itself])
    assert [(each.run, each.prescription) for each in advice.followed(other)] == [(much, "augment_more")]


def test_the_longest_run_with_the_longest_verdicts_can_be_read_back(file_store: Store) -> None:
    verdict, config = judge(golden.GOLDEN["overfitting seen in pictures"]), RunConfig.from_flat({"dataset": "cifar10", "train_share": 0.5})
    data = replace(verdict, prescriptions=prescribe(verdict, config)).as_dict()
    sizes = []
    for epochs in (10, 20):
        claim = claimed(file_store)
        events = [Event(epoch, records.VERDICT, epoch, epoch, data, time.time()) for epoch in range(1, epochs + 1)]
        records.append(file_store, claim, Batch(events=events))
        content = manifest.write(file_store, claim.run).read_bytes()
        sizes.append((content.count(b"[") + content.count(b"{"), len(content)))
    parts, size = ((second - first) / 10 for first, second in zip(*sizes, strict=True))
    most = KNOBS["epochs"].high
    assert most is not None
    assert parts * most < 0.9 * manifest.MOST_PARTS
    assert size * most < 0.5 * manifest.MOST_BYTES
