"""What is prescribed, whatever the verdict and the config: a change that can be launched, with words, and never what makes it worse."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from engine import catalog
from engine.config import KNOBS, RunConfig
from engine.diagnosis import Prescription, Refutation, Verdict, prescribe, remedy
from engine.diagnosis.prescriptions import PRESCRIBED, REMEDIES
from engine.diagnosis.rules import RULES
from engine.presets import PRESETS
from engine.strings import LANGUAGES, known

NAMES = [rule.__name__ for rule in RULES]
# Of these nothing is prescribed: nothing is wrong, or nobody knows yet.
UNTREATED = {"too_early", "watch", "healthy"}
DEVIATING = {name: preset.config() for name, preset in PRESETS.items()} | {
    f"{name} at its smallest": RunConfig.from_flat({"architecture": name, "resolution": facts.smallest})
    for name, facts in catalog.ARCHITECTURES.items()
}


def said(name: str, *prescriptions: Prescription) -> Verdict:
    """A verdict of this name; what is prescribed depends on nothing else of it."""
    return Verdict(name, None, None, None, 10, (), (), Refutation("finite", None, 1), prescriptions)


def prescribed(name: str, config: RunConfig) -> dict[str, Prescription]:
    return {each.name: each for each in prescribe(said(name), config)}


def first(name: str, **knobs: object) -> Prescription:
    return prescribe(said(name), RunConfig.from_flat(knobs))[0]


def values(prescription: Prescription) -> dict[str, object]:
    """What it sets."""
    return {knob: to for knob, (_, to) in prescription.changes.items()}


def _any_value(name: str) -> some.SearchStrategy[object]:
    knob = KNOBS[name]
    if name == "dataset":
        return some.sampled_from([*catalog.DATASETS, "a folder of mine"])
    if knob.choices:
        return some.sampled_from(knob.choices)
    assert knob.low is not None and knob.high is not None
    if knob.kind == "int":
        anything: some.SearchStrategy[object] = some.integers(math.ceil(knob.low), math.floor(knob.high))
    else:
        anything = some.floats(knob.low, knob.high)
    return some.one_of(some.sampled_from(knob.steps), anything) if knob.steps else anything


def _fitting(knobs: dict[str, object]) -> RunConfig:
    """The nearest config that fits together."""
    facts = catalog.ARCHITECTURES[str(knobs["architecture"])]
    knobs["resolution"] = max(int(str(knobs["resolution"])), facts.smallest)
    knobs["batch_size"] = max(int(str(knobs["batch_size"])), 2)
    knobs["warmup"] = min(float(str(knobs["warmup"])), float(str(knobs["epochs"])))
    if knobs["optimizer"] == "adamw":
        knobs["decay_kind"] = "decoupled"
    return RunConfig.from_flat(knobs)


CONFIGS = some.fixed_dictionaries({name: _any_value(name) for name in KNOBS}).map(_fitting)


def check(name: str, config: RunConfig) -> None:
    """The contract of every prescription for a run of this config."""
    before, found = config.flat(), prescribe(said(name), config)
    assert len({each.name for each in found}) == len(found)
    for each in found:
        assert each.changes or each.name == "look_at_data"
        assert 0 < each.cost < math.inf
        assert {knob: was for knob, (was, _) in each.changes.items()} == {knob: before[knob] for knob in each.changes}
        after = config.changed(**values(each)).flat()
        assert {knob: after[knob] for knob in after if after[knob] != before[knob]} == values(each)
        check_never(name, each)
    stored = json.loads(json.dumps(said(name, *found).as_dict(), allow_nan=False))
    assert Verdict.from_dict(stored) == said(name, *found)


def check_never(name: str, each: Prescription) -> None:
    """What must not be prescribed for a verdict of this name, however it is called."""

    def lowers(knob: str) -> bool:
        return knob in each.changes and each.changes[knob][1] < each.changes[knob][0]

    def raises(knob: str) -> bool:
        return knob in each.changes and each.changes[knob][1] > each.changes[knob][0]

    wrong = {
        "overfitting": lowers("learning_rate"),
        "overconfident": lowers("width") or "architecture" in each.changes,
        "generalisation_gap": "early_stopping" in each.changes,
        "memorising": bool(each.changes),
        "underfitting": raises("train_share"),
        "data_suspect": bool(set(each.changes) - {"twins"}),
    }
    assert not wrong.get(name, False), f"{each.name} for {name}"


@pytest.mark.parametrize("config", DEVIATING.values(), ids=DEVIATING.keys())
@pytest.mark.parametrize("name", NAMES)
def test_what_is_prescribed_can_be_launched_and_changes_what_it_names(name: str, config: RunConfig) -> None:
    check(name, config)


@given(CONFIGS)
@settings(max_examples=60, deadline=None)
def test_so_it_is_for_any_config(config: RunConfig) -> None:
    for name in NAMES:
        check(name, config)


def test_prescriptions_are_of_verdicts_that_exist_and_remedies_that_exist() -> None:
    assert set(PRESCRIBED) == set(NAMES) - UNTREATED
    assert {name for names in PRESCRIBED.values() for name in names} <= set(REMEDIES)


@pytest.mark.parametrize("name", sorted(UNTREATED))
@pytest.mark.parametrize("config", DEVIATING.values(), ids=DEVIATING.keys())
def test_nothing_is_prescribed_where_nothing_is_wrong(name: str, config: RunConfig) -> None:
    assert prescribe(said(name), config) == ()


def test_a_verdict_of_a_newer_athanor_has_no_prescriptions() -> None:
    assert prescribe(said("cursed"), RunConfig()) == ()


@pytest.mark.parametrize("name", sorted(set(NAMES) - UNTREATED - {"memorising"}))
def test_for_every_illness_there_is_something_to_launch(name: str) -> None:
    assert any(each.changes for each in prescribe(said(name), RunConfig()))


def test_who_memorises_is_sent_to_the_data() -> None:
    assert [(each.name, each.changes) for each in prescribe(said("memorising"), RunConfig())] == [("look_at_data", {})]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", REMEDIES)
def test_every_remedy_has_its_words(name: str, language: str) -> None:
    assert known(f"verdict.try.{name}.label", language) and known(f"verdict.try.{name}.why", language)
    assert all(vars(remedy(Prescription(name), language)).values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_remedies_are_called_the_same(language: str) -> None:
    assert len({remedy(Prescription(name), language).label for name in REMEDIES}) == len(REMEDIES)


@pytest.mark.parametrize(
    ("verdict", "remedy_name"),
    [
        ("overfitting", "smooth_labels"),
        ("generalisation_gap", "train_longer"),
        ("overconfident", "smooth_labels"),
        ("undertrained", "train_longer"),
        ("diverged", "tame"),
        ("unstable", "rate_down"),
        ("data_suspect", "look_at_data"),
        ("plateau", "larger_net"),
    ],
)
def test_the_first_of_the_list_comes_first(verdict: str, remedy_name: str) -> None:
    assert first(verdict).name == remedy_name


def test_augmentation_goes_one_notch_up_and_leaves_alone_what_is_stronger() -> None:
    def one_notch(**knobs: object) -> dict[str, object]:
        return values(prescribed("overfitting", RunConfig.from_flat(knobs))["augment_more"])

    assert one_notch() == {"crop": 0.06, "rotation": 5.0, "colour_jitter": 0.1}, "digits are not mirrored"
    assert one_notch(dataset="cifar10", augmentation="light") == {"crop": 0.125, "rotation": 10.0, "colour_jitter": 0.2}
    assert one_notch(crop=0.3) == {"rotation": 5.0, "colour_jitter": 0.1}
    assert "augment_more" not in prescribed("overfitting", RunConfig.from_flat({"augmentation": "strong"}))


def test_augmentation_goes_one_notch_down() -> None:
    found = prescribed("underfitting", RunConfig.from_flat({"augmentation": "medium"}))["augment_less"]
    assert values(found) == {"crop": 0.06, "rotation": 5.0, "colour_jitter": 0.1}
    assert "augment_less" not in prescribed("underfitting", RunConfig())


def test_what_diverged_gets_a_tenth_of_its_rate_and_a_warm_up() -> None:
    assert values(first("diverged", learning_rate=3.0, weight_decay=1.0)) == {"learning_rate": 0.3, "warmup": 2.0, "weight_decay": 0.01}
    assert values(first("diverged", learning_rate=3.0, warmup=5.0)) == {"learning_rate": 0.3}
    assert values(first("diverged", epochs=1))["warmup"] == 1.0
    assert prescribe(said("diverged"), RunConfig.from_flat({"learning_rate": 1e-7})) == ()


def test_the_usual_rate_is_for_those_far_from_it() -> None:
    assert values(first("not_learning", learning_rate=1e-5)) == {"learning_rate": 1e-3}
    assert values(first("not_learning", learning_rate=1e-5, optimizer="sgd")) == {"learning_rate": 3e-2}
    assert values(first("not_learning", learning_rate=1.0)) == {"learning_rate": 1e-3}
    for near in (5e-4, 1e-3, 2e-3):
        assert "usual_rate" not in prescribed("not_learning", RunConfig.from_flat({"learning_rate": near}))


def test_batch_norm_is_for_networks_that_have_a_twin_with_it() -> None:
    deep = prescribed("not_learning", RunConfig.from_flat({"architecture": "vgg16"}))
    assert values(deep["batch_norm"]) == {"architecture": "vgg16_bn"}
    assert "batch_norm" not in prescribed("not_learning", RunConfig.from_flat({"architecture": "resnet18"}))


@pytest.mark.parametrize(
    ("remedy_name", "knobs", "after"),
    [
        ("decay_more", {"optimizer": "adamw"}, {"weight_decay": 1e-2}),
        ("decay_more", {"optimizer": "sgd"}, {"weight_decay": 5e-4}),
        ("decay_more", {"decay_kind": "l2"}, {"weight_decay": 5e-4}),
        ("decay_more", {"weight_decay": 1e-3}, {"weight_decay": 5e-3}),
        ("drop_more", {"dropout": 0.2}, {"dropout": 0.4}),
        ("drop_more", {"dropout": 0.45}, {"dropout": 0.6}),
        ("more_data", {"train_share": 0.7}, {"train_share": 1.0}),
    ],
)
def test_penalties_grow_within_bounds(remedy_name: str, knobs: dict[str, object], after: dict[str, object]) -> None:
    assert values(prescribed("overfitting", RunConfig.from_flat(knobs))[remedy_name]) == after


@pytest.mark.parametrize(
    ("verdict", "remedy_name", "knobs", "cost"),
    [
        ("undertrained", "train_longer", {"epochs": 20}, 1.5),
        ("overfitting", "more_data", {"train_share": 0.3}, 2.0),
        ("overfitting", "more_data", {"train_share": 0.8}, 1.25),
        ("underfitting", "larger_net", {"width": 0.5}, 4.0),
        ("generalisation_gap", "more_pixels", {"dataset": "plumage", "resolution": 32}, 2.25),
        ("overfitting", "augment_more", {}, 1.0),
    ],
)
def test_the_cost_is_what_it_trains_beside_the_run_it_is_for(verdict: str, remedy_name: str, knobs: dict[str, object], cost: float) -> None:
    assert prescribed(verdict, RunConfig.from_flat(knobs))[remedy_name].cost == pytest.approx(cost)


@pytest.mark.parametrize(
    ("verdict", "remedy_name", "knobs"),
    [
        ("overfitting", "more_data", {"train_share": 1.0}),
        ("overfitting", "decay_more", {"weight_decay": 10.0}),
        ("overfitting", "drop_more", {"dropout": 0.5}),
        ("overfitting", "smooth_labels", {"label_smoothing": 0.1}),
        ("overfitting", "smooth_labels", {"label_smoothing": 0.2}),
        ("underfitting", "larger_net", {"width": 4.0}),
        ("underfitting", "no_penalties", {"dropout": 0.0, "weight_decay": 0.0, "l1": 0.0}),
        ("generalisation_gap", "more_pixels", {"dataset": "digits", "resolution": 16}),
        ("undertrained", "train_longer", {"epochs": 10_000}),
        ("unstable", "larger_batch", {"batch_size": 8192}),
        ("plateau", "decay_rate", {"schedule": "cosine"}),
        ("plateau", "stop_early", {"early_stopping": 5}),
        ("data_suspect", "part_twins", {"twins": "near"}),
    ],
)
def test_what_has_been_done_already_is_not_prescribed(verdict: str, remedy_name: str, knobs: dict[str, object]) -> None:
    assert remedy_name in PRESCRIBED[verdict]
    assert remedy_name not in prescribed(verdict, RunConfig.from_flat(knobs))
