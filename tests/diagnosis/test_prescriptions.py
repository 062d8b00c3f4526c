"""What is prescribed, whatever the verdict and the config: a change that can be launched, with words, and never what makes it worse."""

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from engine import catalog
from engine.config import KNOBS, RunConfig
from engine.config.model import MOST_PRODUCTS, OF_WEIGHTS
from engine.config.optimisation import DECOUPLED
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
    if name == "weights":
        return some.sampled_from([*knob.steps, "run:12"])
    if knob.syntax:
        return some.sampled_from([*knob.steps, "5, 8"])
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
    knobs |= {name: KNOBS[name].default for name in catalog.VARIANTS if name not in facts.variants}
    if knobs["weights"] == "imagenet":
        knobs |= {name: KNOBS[name].default for name in OF_WEIGHTS}
        knobs["weights"] = "imagenet" if facts.imagenet else "none"
    if (facts.map_channels * float(str(knobs["width"]))) ** 2 > MOST_PRODUCTS:
        knobs["pooling"] = "compact_bilinear"
    knobs["batch_size"] = max(int(str(knobs["batch_size"])), 2)
    knobs["frozen_layers"] = min(int(str(knobs["frozen_layers"])), facts.layers - 1)
    knobs["last_layers"] = min(int(str(knobs["last_layers"])), facts.layers)
    off = {
        "decay_kind": knobs["optimizer"] in DECOUPLED,
        "nesterov": knobs["optimizer"] != "sgd" or not knobs["momentum"],
        "norm_momentum": not facts.batch_norm,
        "frozen_norm": not facts.batch_norm or knobs["weights"] == "none",
        "plan": int(str(knobs["stage1_epochs"])) >= int(str(knobs["epochs"])),
        "early_stopping": knobs["schedule"] == "reduce_on_plateau",
    }
    knobs |= {name: KNOBS[name].default for name, unfit in off.items() if unfit}
    first = int(str(knobs["stage1_epochs"])) if knobs["plan"] == "last_then_all" else 0
    last = int(str(knobs["epochs"])) - first
    knobs["warmup"] = min(float(str(knobs["warmup"])), float(last))
    knobs["step_epochs"] = min(int(str(knobs["step_epochs"])), last, first or last)
    if min(last, first or last) <= 8:
        knobs["milestones"] = KNOBS["milestones"].default
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
@settings(max_examples=60)
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


def test_what_diverged_gets_a_tenth_of_its_rate_a_warm_up_and_a_bound() -> None:
    tamed = {"learning_rate": 0.3, "warmup": 2.0, "clip": 1.0}
    assert values(first("diverged", learning_rate=3.0)) == tamed
    assert values(first("diverged", learning_rate=3.0, weight_decay=1.0)) == tamed | {"weight_decay": 0.01}
    assert values(first("diverged", learning_rate=3.0, warmup=5.0, clip=0.1)) == {"learning_rate": 0.3}
    assert values(first("diverged", epochs=1))["warmup"] == 1.0
    assert prescribe(said("diverged"), RunConfig.from_flat({"learning_rate": 1e-7})) == ()


def two_stages(**knobs: object) -> RunConfig:
    return RunConfig.from_flat({"plan": "last_then_all", "stage1_epochs": 5, "epochs": 20} | knobs)


def test_of_what_diverged_both_stages_get_a_tenth() -> None:
    tamed = {"learning_rate": 0.3, "stage1_rate": 0.05, "warmup": 2.0, "clip": 1.0}
    for epoch in (3, 10):
        found = prescribe(replace(said("diverged"), epoch=epoch), two_stages(learning_rate=3.0, stage1_rate=0.5))
        assert values(found[0]) == tamed
    for plan in ("all", "last"):
        assert "stage1_rate" not in values(first("diverged", plan=plan, learning_rate=3.0, stage1_rate=0.5))
    lowest = prescribe(said("diverged"), two_stages(learning_rate=3.0, stage1_rate=2e-7))
    assert values(lowest[0]) == tamed | {"stage1_rate": 1e-7}
    decayed = prescribe(said("diverged"), two_stages(learning_rate=3.0, stage1_rate=0.5, stage1_weight_decay=1.0))
    assert values(decayed[0]) == tamed | {"stage1_weight_decay": 0.01}


def test_the_warm_up_of_what_diverged_fits_into_the_second_stage() -> None:
    assert values(prescribe(said("diverged"), two_stages(epochs=6))[0])["warmup"] == 1.0


@pytest.mark.parametrize(
    ("verdict", "remedy_name", "knobs", "first_stage", "second_stage"),
    [
        ("overfitting", "decay_more", {"stage1_weight_decay": 1e-3}, {"stage1_weight_decay": 5e-3}, {"weight_decay": 1e-2}),
        ("unstable", "rate_down", {"stage1_rate": 0.3}, {"stage1_rate": 0.1}, {"learning_rate": 1e-3}),
        ("undertrained", "rate_up", {"stage1_rate": 0.1}, {"stage1_rate": 0.3}, {"learning_rate": 9e-3}),
        ("not_learning", "usual_rate", {"stage1_rate": 1e-6, "learning_rate": 1.0}, {"stage1_rate": 1e-3}, {"learning_rate": 1e-3}),
        ("plateau", "decay_rate", {}, {"stage1_schedule": "cosine"}, {"schedule": "cosine"}),
    ],
)
def test_the_rate_and_its_schedule_are_those_of_the_stage_of_the_verdict(
    verdict: str, remedy_name: str, knobs: dict[str, object], first_stage: dict[str, object], second_stage: dict[str, object]
) -> None:
    config = two_stages(**{"learning_rate": 3e-3} | knobs)
    for since, epoch, expected in ((None, 1, first_stage), (2, 5, first_stage), (None, 6, second_stage), (6, 20, second_stage)):
        found = {each.name: each for each in prescribe(replace(said(verdict), since_epoch=since, epoch=epoch), config)}
        assert values(found[remedy_name]) == expected
    of_both = prescribe(replace(said(verdict), since_epoch=4, epoch=7), config)
    assert remedy_name not in {each.name for each in of_both}


@pytest.mark.parametrize("knobs", [{"plan": "last"}, {"frozen_layers": 3}])
def test_what_is_frozen_as_it_came_is_not_given_pictures_of_another_size(knobs: dict[str, object]) -> None:
    def offered(**more: object) -> bool:
        given = {"dataset": "plumage", "resolution": 32, "architecture": "resnet18", "weights": "run:12"} | more
        return "more_pixels" in prescribed("generalisation_gap", RunConfig.from_flat(given))

    assert offered()
    assert offered(**knobs | {"weights": "none"})
    assert not offered(**knobs)


def test_a_plan_of_one_stage_has_one_rate() -> None:
    found = {each.name: each for each in prescribe(replace(said("unstable"), epoch=1), RunConfig.from_flat({"plan": "last"}))}
    assert values(found["rate_down"]).keys() == {"learning_rate"}
    assert values(found["decay_rate"]) == {"schedule": "cosine"}


def test_the_usual_rate_is_for_those_far_from_it() -> None:
    assert values(first("not_learning", learning_rate=1e-5)) == {"learning_rate": 1e-3}
    assert values(first("not_learning", learning_rate=1e-5, optimizer="sgd")) == {"learning_rate": 3e-2}
    assert values(first("not_learning", learning_rate=1.0)) == {"learning_rate": 1e-3}
    assert values(first("not_learning", learning_rate=1e-5, optimizer="adagrad")) == {"learning_rate": 1e-2}
    assert values(first("not_learning", learning_rate=1.0, optimizer="nadam")) == {"learning_rate": 1e-3}
    for near in (5e-4, 1e-3, 2e-3):
        assert "usual_rate" not in prescribed("not_learning", RunConfig.from_flat({"learning_rate": near}))


def test_what_jumps_about_may_be_averaged() -> None:
    names = [each.name for each in prescribe(said("unstable"), RunConfig())]
    assert names == ["rate_down", "larger_batch", "decay_rate", "ema"]
    assert values(prescribed("unstable", RunConfig())["ema"]) == {"ema": 0.99}


def test_where_nothing_is_learned_blocks_are_no_longer_left_out() -> None:
    config = RunConfig.from_flat({"architecture": "resnet18", "stochastic_depth": 0.3, "dropout": 0.0})
    assert values(prescribed("not_learning", config)["no_penalties"]) == {"stochastic_depth": 0.0}


def test_batch_norm_is_for_networks_that_have_a_twin_with_it() -> None:
    deep = prescribed("not_learning", RunConfig.from_flat({"architecture": "vgg16"}))
    assert values(deep["batch_norm"]) == {"architecture": "vgg16_bn"}
    assert "batch_norm" not in prescribed("not_learning", RunConfig.from_flat({"architecture": "resnet18"}))
    begun = RunConfig.from_flat({"architecture": "vgg16", "resolution": 32, "weights": "run:3"})
    assert "batch_norm" not in prescribed("not_learning", begun), "the weights are of a network without it"


@pytest.mark.parametrize(
    ("remedy_name", "knobs", "after"),
    [
        ("decay_more", {"optimizer": "adamw"}, {"weight_decay": 1e-2}),
        ("decay_more", {"optimizer": "sgd", "decay_kind": "l2"}, {"weight_decay": 5e-4}),
        ("decay_more", {"optimizer": "sgd"}, {"weight_decay": 5e-3}),
        ("decay_more", {"optimizer": "sgd", "momentum": 0.0}, {"weight_decay": 5e-4}),
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
        ("unstable", "ema", {"ema": 0.9}),
        ("underfitting", "no_penalties", {"architecture": "resnet18", "dropout": 0.0}),
        ("plateau", "decay_rate", {"schedule": "cosine"}),
        ("plateau", "stop_early", {"early_stopping": 5}),
        ("data_suspect", "part_twins", {"twins": "near"}),
    ],
)
def test_what_has_been_done_already_is_not_prescribed(verdict: str, remedy_name: str, knobs: dict[str, object]) -> None:
    assert remedy_name in PRESCRIBED[verdict]
    assert remedy_name not in prescribed(verdict, RunConfig.from_flat(knobs))
