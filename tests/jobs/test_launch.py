"""Changed copies of a run: what they inherit, and what a verdict prescribes queued once and with its reason."""

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from engine.config import CONFIG_VERSION, RunConfig
from engine.errors import BadInput, BadKnob, NotFound, Refused
from engine.jobs import launch
from engine.store import advice, deletion, records, runs, transitions
from engine.store.connect import Store
from engine.store.home import Home
from engine.store.keeping import Kept
from engine.store.records import Batch, Event
from engine.store.runs import Advice, State
from tests.prescribed import told

NUMERICS = {"device": "cpu", "threads": 3, "precision": "bf16", "channels_last": True, "replicas": 3}
CONFIG = RunConfig.from_flat({"seed": 7, "train_share": 0.5})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store whose bell this test hears, so that no supervisor is started."""
    store = Store(Home(tmp_path / "home"))
    os.mkfifo(store.home.bell)
    pipe = os.open(store.home.bell, os.O_RDWR | os.O_NONBLOCK)
    yield store
    os.close(pipe)
    store.engine.dispose()


def ended(store: Store, *verdicts: str, config: RunConfig = CONFIG, rewound: int | None = None) -> int:
    """A run of which this was said, one verdict after another, and then taken back to that epoch."""
    number, claim = launch.submit(store, config), transitions.claim(store)
    assert claim is not None and claim.run == number
    transitions.begin(store, claim, NUMERICS)
    events = [told(name, config, seq, epoch=seq) for seq, name in enumerate(verdicts, 1)]
    if rewound is not None:
        events.append(Event(len(events) + 1, records.REWIND, 20 * rewound, rewound, {}, time.time()))
    records.append(store, claim, Batch(events=events, summary={"val_accuracy": 0.8}))
    transitions.end(store, claim, State.FINISHED)
    return number


def changed(store: Store, one: int, other: int) -> dict[str, Any]:
    """The knobs in which the second differs from the first, and their values."""
    before, after = runs.get(store, one).knobs, runs.get(store, other).knobs
    return {name: after[name] for name in after if after[name] != before[name]}


@pytest.mark.parametrize("changes", [{}, {"weight_decay": 1e-3}, {"seed": 8}, {"width": 0.5}, {"batch_size": 32}, {"epochs": 40}])
def test_a_changed_copy_computes_as_its_run_did(store: Store, changes: dict[str, Any]) -> None:
    number = ended(store)
    child = launch.again(store, number, changes)
    assert runs.get(store, child).numerics == NUMERICS
    assert changed(store, number, child) == changes
    assert (runs.parents(store, child), runs.get(store, child).state) == ([number], State.QUEUED)
    assert advice.followed(store) == []


@pytest.mark.parametrize("changes", [{"architecture": "resnet18"}, {"precision": "exact"}, {"device": "cpu"}])
def test_a_copy_whose_numerics_may_be_others_has_its_own(store: Store, changes: dict[str, Any]) -> None:
    number = ended(store)
    assert runs.get(store, launch.again(store, number, changes)).numerics is None


def test_a_run_that_never_began_has_no_numerics_to_inherit(store: Store) -> None:
    number = launch.submit(store, CONFIG)
    assert runs.get(store, launch.again(store, number, {"seed": 8})).numerics is None


def test_the_same_key_twice_is_one_copy(store: Store) -> None:
    number = ended(store)
    assert launch.again(store, number, {"seed": 8}, "key") == launch.again(store, number, {"seed": 8}, "key")
    assert launch.again(store, number, {"seed": 8}) != launch.again(store, number, {"seed": 8})


def test_what_cannot_be_copied_is_told_and_queues_nothing(store: Store) -> None:
    number = ended(store)
    with pytest.raises(NotFound):
        launch.again(store, 99, {})
    with pytest.raises(BadKnob):
        launch.again(store, number, {"dropout": 2.0})
    with pytest.raises(BadKnob):
        launch.again(store, number, {"sorcery": 1})
    assert [run.id for run in runs.listing(store)] == [number]


def test_what_is_prescribed_is_queued_with_its_change_and_its_reason(store: Store) -> None:
    number = ended(store, "overfitting")
    child = launch.follow(store, number, "augment_more")
    assert changed(store, number, child) == {"crop": 0.06, "rotation": 5.0, "colour_jitter": 0.1}
    assert runs.get(store, child).numerics == NUMERICS
    assert runs.get(store, child).knobs["seed"] == 7
    assert [(each.run, each.parent, Advice(each.verdict, each.prescription)) for each in advice.followed(store)] == [
        (child, number, Advice("overfitting", "augment_more"))
    ]


def test_followed_twice_it_is_one_run(store: Store) -> None:
    number, other = ended(store, "overfitting"), ended(store, "overfitting")
    child = launch.follow(store, number, "drop_more")
    assert launch.follow(store, number, "drop_more") == child
    assert len({child, launch.follow(store, number, "more_data"), launch.follow(store, other, "drop_more")}) == 3
    assert len(advice.followed(store)) == 3


@pytest.mark.parametrize("name", ["sorcery", "", "tame", "look_at_data", "x" * 10_000])
def test_what_is_not_prescribed_is_refused_with_what_is(store: Store, name: str) -> None:
    number = ended(store, "overfitting")
    with pytest.raises(BadInput, match=rf"is not prescribed for run {number} now; what is: more_data, smooth_labels") as raised:
        launch.follow(store, number, name)
    assert len(str(raised.value)) < 300
    assert [run.id for run in runs.listing(store)] == [number]


def test_what_there_is_only_to_look_at_is_not_queued(store: Store) -> None:
    number = ended(store, "memorising")
    with pytest.raises(BadInput, match="what is: –"):
        launch.follow(store, number, "look_at_data")


def test_a_run_of_which_nothing_was_said_and_one_that_is_not_there_are_told_apart(store: Store) -> None:
    number = ended(store)
    with pytest.raises(BadInput, match="what is: –"):
        launch.follow(store, number, "augment_more")
    with pytest.raises(NotFound):
        launch.follow(store, 99, "augment_more")


def test_the_newest_verdict_counts(store: Store) -> None:
    number = ended(store, "overfitting", "diverged")
    with pytest.raises(BadInput, match="what is: tame"):
        launch.follow(store, number, "augment_more")
    assert changed(store, number, launch.follow(store, number, "tame")) == {"learning_rate": 1e-4, "warmup": 2.0, "clip": 1.0}


def test_what_a_rewind_has_taken_back_is_not_prescribed(store: Store) -> None:
    with pytest.raises(BadInput, match="what is: –"):
        launch.follow(store, ended(store, "healthy", "overfitting", rewound=0), "augment_more")
    number = ended(store, "diverged", "overfitting", rewound=1)
    with pytest.raises(BadInput, match="what is: tame"):
        launch.follow(store, number, "augment_more")
    assert changed(store, number, launch.follow(store, number, "tame"))


def stored_with(store: Store, number: int, **data: Any) -> None:
    """What is stored of the first verdict, changed."""
    with store.write() as connection:
        table = records.events
        old = connection.execute(sa.select(table.c.data).where(table.c.run == number)).scalar_one()
        connection.execute(table.update().where(table.c.run == number).values(data=old | data))


def test_what_there_are_no_words_for_is_not_queued(store: Store) -> None:
    number = ended(store, "overfitting")
    strange = [
        {"name": "transmute", "changes": {"dropout": [0.2, 0.3]}, "cost": 1.0},
        {"name": "augment_more", "changes": {"sorcery": [0, 1]}, "cost": 1.0},
        {"name": "drop_more", "changes": {"dropout": [0.2, 0.4]}, "cost": 1.0},
    ]
    stored_with(store, number, prescriptions=strange)
    for name in ("transmute", "augment_more"):
        with pytest.raises(BadInput, match="what is: drop_more"):
            launch.follow(store, number, name)
    assert changed(store, number, launch.follow(store, number, "drop_more")) == {"dropout": 0.4}


def test_of_a_verdict_of_another_version_nothing_is_followed(store: Store) -> None:
    number = ended(store, "overfitting")
    stored_with(store, number, name="martian")
    with pytest.raises(NotFound, match="said by another version of Athanor"):
        launch.follow(store, number, "drop_more")


def with_weights(store: Store, **knobs: object) -> int:
    """A finished run with the checkpoint of a best epoch."""
    number, claim = launch.submit(store, CONFIG.changed(**knobs)), transitions.claim(store)
    assert claim is not None
    transitions.begin(store, claim, NUMERICS)
    records.append(store, claim, Batch(checkpoints=[Kept("000000020-1", 20, 1, best=True, bytes=2, sha256="")]))
    transitions.end(store, claim, State.FINISHED)
    store.home.checkpoints(number).mkdir(parents=True)
    (store.home.checkpoints(number) / "000000020-1.json").write_text("{}")
    return number


@pytest.mark.parametrize("missing", ["run", "checkpoint", "files"])
def test_weights_of_a_run_that_has_none_are_refused_before_anything_is_queued(store: Store, missing: str) -> None:
    number = {"run": lambda: 99, "checkpoint": lambda: ended(store), "files": lambda: with_weights(store)}[missing]()
    shutil.rmtree(store.home.checkpoints(number), ignore_errors=True)
    queued = len(runs.listing(store))
    with pytest.raises(NotFound, match=str(number)):
        launch.submit(store, CONFIG.changed(weights=f"run:{number}"))
    assert len(runs.listing(store)) == queued


def test_weights_that_still_change_are_refused(store: Store) -> None:
    number = launch.submit(store, CONFIG)
    with pytest.raises(Refused, match="still change"):
        launch.submit(store, CONFIG.changed(weights=f"run:{number}"))


@pytest.mark.parametrize("knobs", [{"validation_share": 0.1}, {"twins": "near"}])
def test_weights_that_know_what_is_put_aside_are_refused_whoever_handed_them_on(store: Store, knobs: dict[str, object]) -> None:
    first = with_weights(store, **knobs)
    second = with_weights(store, dataset="plumage", weights=f"run:{first}")
    for donor in (first, second):
        with pytest.raises(BadKnob, match=f"run {first} has {next(iter(knobs))}"):
            launch.submit(store, CONFIG.changed(weights=f"run:{donor}"))
        launch.submit(store, CONFIG.changed(weights=f"run:{donor}", **knobs))
        launch.submit(store, CONFIG.changed(weights=f"run:{donor}", dataset="fashion_mnist"))


VGG = {"architecture": "vgg11", "resolution": 32}
OTHERS = [(VGG, "ResNet-18"), ({"architecture": "resnet34"}, "ResNet-18"), ({"width": 0.25}, "width = 0.5")]


@pytest.mark.parametrize(("knobs", "named"), OTHERS)
def test_weights_of_another_network_are_refused_before_anything_is_queued(store: Store, knobs: dict[str, object], named: str) -> None:
    number = with_weights(store, architecture="resnet18", width=0.5)
    wanted = CONFIG.changed(architecture="resnet18", width=0.5, weights=f"run:{number}")
    with pytest.raises(BadKnob, match=named) as refused:
        launch.submit(store, wanted.changed(**knobs))
    assert refused.value.fields["knob"] == "weights"
    assert len(runs.listing(store)) == 1
    launch.submit(store, wanted)


def test_a_donor_that_was_deleted_meanwhile_is_missed(store: Store) -> None:
    with pytest.raises(NotFound, match="99"):
        runs.create(store, runs.New("heir", CONFIG.model_dump(mode="json"), CONFIG_VERSION, donor=99))
    assert not runs.listing(store)


def test_what_begins_anew_is_not_tried_again_without_the_weights_it_begins_with(store: Store) -> None:
    donor = with_weights(store)
    heir = launch.submit(store, CONFIG.changed(weights=f"run:{donor}"))
    launch.stop(store, heir)
    deletion.delete(store, [donor])
    with pytest.raises(NotFound, match=str(donor)):
        launch.retry(store, heir)
    assert runs.get(store, heir).state is State.STOPPED
