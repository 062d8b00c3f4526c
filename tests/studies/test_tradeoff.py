"""Accuracy against speed: which runs may stand in one picture, which lack a number, which no other beats."""

from collections.abc import Mapping
from typing import Any

from engine.config import RunConfig
from engine.store.overview import Facts, Row
from engine.store.runs import State
from engine.studies.tradeoff import Measurement, Way, datasets, measured, unbeaten

CPU = {"device": "cpu", "threads": 2, "replicas": 1, "deterministic": False}


def run(number: int, numerics: Mapping[str, Any] | None, state: State = State.FINISHED, dataset: str = "digits", **summary: Any) -> Row:
    knobs = RunConfig.from_flat({"dataset": dataset}).flat()
    return Row(number, "a run", state, "", (), Facts(knobs, {"val_accuracy": 0.9, "images_per_second": 100.0} | summary, numerics))


def test_only_what_was_computed_alike_stands_together() -> None:
    rows = [
        run(1, CPU), run(2, CPU | {"threads": 1, "replicas": 2, "precision": "bf16"}), run(3, CPU | {"deterministic": True}),
        run(4, CPU | {"device": "cuda"}), run(5, CPU | {"device": "cuda", "threads": 8}), run(6, CPU | {"threads": 4}),
    ]  # fmt: skip
    found = measured(rows, "digits")
    assert {way: [one.run.id for one in each] for way, each in found.ways.items()} == {
        Way("cpu", 2, False): [1, 2], Way("cpu", 2, True): [3], Way("cuda", 0, False): [4, 5], Way("cpu", 4, False): [6],
    }  # fmt: skip
    assert found.usual == Way("cpu", 2, False)
    assert len({way.word for way in found.ways}) == 4


def test_runs_without_a_number_are_counted_and_those_under_way_are_not() -> None:
    unmeasured = [run(1, None), run(2, CPU, images_per_second=0.0), run(3, CPU, State.RUNNING), run(4, CPU, dataset="plumage")]
    found = measured(unmeasured, "digits")
    assert (dict(found.ways), found.without, found.usual) == ({}, 2, None)
    nothing = Facts(run(5, CPU).knobs, {}, CPU)
    assert measured([Row(5, "", State.STOPPED, "", (), nothing)], "digits").without == 1


def test_the_speed_of_the_last_layers_alone_is_not_that_of_a_network() -> None:
    once, every = ({"stage": {"computed": computed}} for computed in ("once", "augmentation"))
    found = measured([run(1, CPU, **once), run(2, CPU, **every)], "digits")
    assert [one.run.id for each in found.ways.values() for one in each] == [2]
    assert found.without == 1


def test_datasets_are_those_of_ended_runs() -> None:
    assert datasets([run(3, CPU, dataset="plumage"), run(2, CPU), run(1, CPU), run(4, CPU, State.QUEUED, "cifar10")]) == [
        "plumage",
        "digits",
    ]


def test_the_unbeaten_are_faster_or_more_accurate_than_every_other() -> None:
    points = [(100.0, 0.95), (400.0, 0.90), (300.0, 0.90), (900.0, 0.80), (800.0, 0.70), (100.0, 0.95)]
    found = [Measurement(run(number, CPU), *point) for number, point in enumerate(points)]
    assert [(one.speed, one.accuracy) for one in unbeaten(found)] == [(100.0, 0.95), (400.0, 0.90), (900.0, 0.80)]
    assert unbeaten([]) == []
