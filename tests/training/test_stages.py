"""Stages of a run: who learns when and how fast, what is computed once, and that a resumed run goes on as if it had never stopped."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.catalog import ARCHITECTURES
from engine.config import KNOBS, RunConfig
from engine.errors import BadKnob
from engine.models import freezing
from engine.models.layers import WEIGHTED, count
from engine.strings import LANGUAGES, say
from engine.training import checkpoints, features
from engine.training.happenings import Change, EpochDone, FeaturesDone, Happening, StageBegan, StepDone, Stop
from engine.training.loop import Training
from engine.training.numerics import choose
from engine.training.schedules import rate
from engine.training.staging import Staging, require_taken
from tests.networks import FAMILY, fast
from tests.training.short_runs import begin, digits, epochs, follow, network, same_weights, settings

RESNET = {"architecture": "resnet18", "width": 0.125}
TWO = {"plan": "last_then_all", "stage1_epochs": 2, "stage1_rate": 0.05, "epochs": 4, "learning_rate": 1e-3}


def weights(training: Training) -> list[Tensor]:
    return [weight.detach().clone() for weight in training.model.parameters()]


def moved(before: list[Tensor], after: list[Tensor]) -> list[bool]:
    return [not torch.equal(one, other) for one, other in zip(before, after, strict=True)]


def began(happened: list[Happening]) -> list[StageBegan]:
    return [each for each in happened if isinstance(each, StageBegan)]


def test_in_the_first_stage_only_the_last_layers_learn_and_then_all() -> None:
    training = begin(settings(**TWO, last_layers=2), digits())
    before, at_change = weights(training), list[Tensor]()

    def watch(happening: Happening) -> None:
        if isinstance(happening, EpochDone) and happening.epoch == 2:
            at_change.extend(weights(training))

    happened, ended = follow(training, watch)
    assert moved(before, at_change) == [False] * 6 + [True] * 4  # weight and bias of five layers
    assert all(moved(at_change, weights(training)))
    assert ended.epoch == 4
    assert [(each.number, each.stages, each.frozen, each.layers, each.computed, each.step) for each in began(happened)] == [
        (1, 2, 3, 5, "once", 0),
        (2, 2, 0, 5, "nothing", 10),
    ]


def test_where_only_the_last_layers_learn_there_is_one_stage() -> None:
    training = begin(settings(plan="last", epochs=3), digits())
    before = weights(training)
    happened, _ = follow(training)
    assert moved(before, weights(training)) == [False] * 8 + [True] * 2
    assert [(each.number, each.stages, each.frozen) for each in began(happened)] == [(1, 1, 4)]


def test_a_plain_run_says_nothing_of_stages() -> None:
    happened, _ = follow(begin(settings(), digits()))
    assert not [each for each in happened if isinstance(each, StageBegan | FeaturesDone)]


@pytest.mark.parametrize("kind", ["decoupled", "l2"])
def test_each_stage_has_its_own_weight_decay(kind: str) -> None:
    def inside(**knobs: float) -> list[list[float]]:
        happened, _ = follow(begin(settings(**TWO, decay_kind=kind, **knobs), digits()))
        return [[done.metrics["val_loss"] for done in part] for part in (epochs(happened)[:2], epochs(happened)[2:])]

    plain, first, second = inside(), inside(stage1_weight_decay=1.0), inside(weight_decay=1.0)
    assert (first[0] != plain[0], second[0] == plain[0], second[1] != plain[1]) == (True, True, True)


def test_a_change_of_the_weight_decay_reaches_the_stage_that_it_is_for() -> None:
    training = begin(settings(**TWO), digits())
    run = training.run()
    next(happening for happening in run if isinstance(happening, StepDone))
    run.send(Change(settings(**TWO, weight_decay=0.5)))
    assert [group["shrink"] for group in training.optimiser.param_groups] == [0.0, 0.0]
    run.send(Change(settings(**TWO, weight_decay=0.5, stage1_weight_decay=0.25)))
    assert [group["shrink"] for group in training.optimiser.param_groups] == [0.25, 0.0]
    next(happening for happening in run if isinstance(happening, StepDone) and happening.epoch == 3)
    assert [group["shrink"] for group in training.optimiser.param_groups] == [0.5, 0.0]


def test_frozen_layers_stay_and_the_rest_learns() -> None:
    training = begin(settings(frozen_layers=2), digits())
    before = weights(training)
    follow(training)
    assert moved(before, weights(training)) == [False] * 4 + [True] * 6


@fast(["resnet18", "lenet"], among=["resnet18", "vgg11_bn", "mobilenet_v2", "lenet"])
def test_what_is_computed_once_is_what_would_be_computed_every_time(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    knobs = {"architecture": name, "width": 0.125, "resolution": 32, "plan": "last", "epochs": 3, "learning_rate": 0.01, "dropout": 0.3}
    happened, _ = follow(begin(settings(**knobs), digits(32)))
    assert began(happened)[0].computed == "once"
    monkeypatch.setattr(features, "MOST", 0)
    happened_always, _ = follow(begin(settings(**knobs), digits(32)))
    assert began(happened_always)[0].computed == "size"
    for one, other in zip(epochs(happened), epochs(happened_always), strict=True):
        assert one.metrics["val_loss"] == pytest.approx(other.metrics["val_loss"], rel=1e-4)
        assert one.metrics["train_loss"] == pytest.approx(other.metrics["train_loss"], rel=1e-4)


FROZEN_IN_BOTH = {"resolution": 32, "width": 1.0, "plan": "last_then_all", "stage1_epochs": 1, "frozen_layers": 2}
# Bytes of what LeNet's fourth and second layer make of one of 210 pictures of 32 px.
FOURTH, SECOND_OF_LENET = 4 * 84 * 210, 4 * 16 * 5**2 * 210


def staging(config: RunConfig) -> Staging:
    model = network(config)
    return Staging(model, [model], digits(32), choose(config, cores=1))


def test_the_most_that_is_kept_is_that_of_the_stage_which_keeps_more() -> None:
    config = settings(**FROZEN_IN_BOTH)
    stages, held = staging(config), []
    for epoch in range(2):
        list(stages.enter(config, epoch, step=0, begins=True))
        held.append(stages.source.pictures(torch.arange(210)).nbytes)
    assert held == [FOURTH, SECOND_OF_LENET]
    assert stages.most_kept(config, 210) == SECOND_OF_LENET


@pytest.mark.parametrize(
    ("knobs", "most", "kept"),
    [
        ({"frozen_layers": 0}, None, FOURTH),
        ({"plan": "last"}, None, FOURTH),
        ({"plan": "all"}, None, SECOND_OF_LENET),
        ({"plan": "all", "frozen_layers": 0}, None, 0),
        ({"flip": 0.5}, None, 0),
        ({"frozen_layers": 1, "plan": "all"}, None, 0),
        ({}, SECOND_OF_LENET, SECOND_OF_LENET),
        ({}, SECOND_OF_LENET - 1, FOURTH),
        ({}, FOURTH - 1, 0),
    ],
)
def test_what_is_not_kept_does_not_count(knobs: dict[str, Any], most: int | None, kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "MOST", features.MOST if most is None else most)
    config = settings(**FROZEN_IN_BOTH | knobs)
    assert staging(config).most_kept(config, 210) == kept


def test_frozen_batch_norm_keeps_its_statistics_and_its_scale() -> None:
    def statistics(training: Training) -> dict[str, Tensor]:
        return {name: value.clone() for name, value in training.model.state_dict().items() if "bn" in name and "num" not in name}

    for norm, stays in (("on", True), ("off", False)):
        training = begin(settings(**RESNET, epochs=1, weights="run:1", frozen_norm=norm), digits())
        before = statistics(training)
        follow(training)
        after = statistics(training)
        assert all(torch.equal(before[name], after[name]) for name in before) is stays


def test_pictures_that_vary_are_asked_every_time_and_it_is_said() -> None:
    happened, _ = follow(begin(settings(plan="last", flip=0.5), digits()))
    assert [each.computed for each in began(happened)] == ["augmentation"]
    assert not [each for each in happened if isinstance(each, FeaturesDone)]


def test_augmentation_switched_on_while_it_runs_ends_the_cache_at_the_next_epoch() -> None:
    config = settings(plan="last", epochs=3)
    training = begin(config, digits())
    happened, _ = follow(training, lambda each: Change(config.changed(crop=0.2)) if isinstance(each, StepDone) and each.step == 2 else None)
    assert [(each.epoch, each.computed) for each in began(happened)] == [(1, "once"), (2, "augmentation")]


def test_layers_that_learn_inside_a_block_leave_no_end_to_ask_alone() -> None:
    happened, _ = follow(begin(settings(**RESNET, plan="last", last_layers=4, epochs=1), digits()))
    assert [each.computed for each in began(happened)] == ["inside"]


def test_each_stage_has_its_own_rate_and_schedule() -> None:
    config = settings(**TWO, stage1_schedule="cosine", schedule="cosine")
    rates = [rate(config, step, 5) for step in range(20)]
    assert rates[0] == 0.05
    assert rates[10] == 1e-3
    assert all(earlier > later for stage in (rates[:10], rates[10:]) for earlier, later in zip(stage, stage[1:], strict=False))


def test_the_first_layer_learns_at_its_share_of_the_rate() -> None:
    training = begin(settings(first_layer_rate=0.01, optimizer="sgd", momentum=0.0, learning_rate=1.0, epochs=1), digits())
    run = training.run()
    before = weights(training)
    next(run)
    layers = [module for module in training.model.modules() if isinstance(module, WEIGHTED)]
    for place, layer in enumerate(layers):
        index = [id(weight) for weight in training.model.parameters()].index(id(layer.weight))
        gradient = layer.weight.grad
        assert gradient is not None
        assert torch.allclose(before[index] - layer.weight, gradient * 0.01 ** ((4 - place) / 4), rtol=1e-3, atol=1e-8)


def test_early_stopping_waits_for_the_second_stage() -> None:
    slow = {**TWO, "stage1_rate": 1e-7, "stage1_epochs": 4, "epochs": 8, "early_stopping": 1}
    _, ended = follow(begin(settings(**slow), digits()))
    assert ended.epoch > 4


@cache
def uninterrupted(config: RunConfig) -> Training:
    whole = begin(config, digits())
    follow(whole)
    return whole


# Where a run of two stages is left, and how many begin after that. The first has ten steps; the last of them does not yet end its epoch.
LEFT = [(StepDone, 4, 1), (StepDone, 10, 1), (EpochDone, 10, 1), (StepDone, 13, 0)]
AVERAGED: dict[str, Any] = {"ema": 0.9}
RESUMED = [
    AVERAGED, RESNET, {"first_layer_rate": 0.1}, {"optimizer": "adamw", "weight_decay": 0.1, "stage1_weight_decay": 0.01},
    {"optimizer": "sgd"}, {"flip": 0.5},
]  # fmt: skip


@pytest.mark.parametrize(("kind", "step", "begin_after"), LEFT)
@pytest.mark.parametrize("knobs", [pytest.param(knobs, marks=[pytest.mark.slow] * (knobs is not AVERAGED)) for knobs in RESUMED])
def test_a_resumed_run_is_the_same_to_the_bit(
    knobs: dict[str, Any], kind: type[Happening], step: int, begin_after: int, tmp_path: Path
) -> None:
    config = settings(**TWO, dropout=0.3, **knobs)
    whole = uninterrupted(config)
    first = begin(config, digits())
    follow(first, lambda each: Stop() if isinstance(each, kind) and each.step == step else None)
    checkpoints.save(tmp_path, "c", first.live, first.state())
    kept = checkpoints.load(tmp_path, "c")
    second = begin(config, digits(), kept.state)
    checkpoints.restore(kept, second.live)
    happened, _ = follow(second)
    assert same_weights(second, whole)
    assert len(began(happened)) == begin_after


JOINING = [*(({}, name) for name in KNOBS["optimizer"].choices), (RESNET, "sgd")]


@pytest.mark.slow
@pytest.mark.parametrize(("knobs", "optimizer"), JOINING)
@pytest.mark.parametrize("precision", ["auto", "exact"])
def test_layers_join_in_under_every_optimiser_in_the_fast_setting_too(knobs: dict[str, Any], optimizer: str, precision: str) -> None:
    config = settings(**TWO | {"learning_rate": 0.02}, **knobs, optimizer=optimizer, precision=precision)
    training = begin(config, digits())
    before = weights(training)
    _, ended = follow(training)
    assert ended.epoch == 4
    assert all(moved(before, weights(training)))


@FAMILY
def test_of_every_architecture_the_last_layer_can_be_asked_alone(name: str) -> None:
    side = max(32, ARCHITECTURES[name].smallest)
    model = network(settings(architecture=name, resolution=side, width=0.25, dropout=0.5)).eval()
    pictures = torch.rand(4, 1, side, side)
    end = freezing.tail(model, count(model) - 1)
    assert end is not None
    with torch.no_grad():
        reached = freezing.until(model, end)(pictures)
        assert torch.equal(end(reached), model(pictures))
        end.train()
        assert not torch.equal(end(reached), end(reached)), "its dropout is not in the end"


@pytest.mark.parametrize(
    ("knobs", "named"),
    [
        ({"plan": "last_then_all", "stage1_epochs": 2, "epochs": 2}, "stage1_epochs"),
        ({"frozen_norm": "on", "weights": "run:1"}, "frozen_norm"),
        ({"architecture": "resnet18", "frozen_norm": "on"}, "frozen_norm"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_before_it_starts(knobs: dict[str, Any], named: str) -> None:
    with pytest.raises(BadKnob) as refused:
        RunConfig.from_flat({"architecture": "lenet", "resolution": 16, **knobs})
    assert refused.value.fields["knob"] == named


FIRST, SECOND = {"conv1.weight"}, {"layer1.0.conv1.weight", "layer1.0.bn1.weight"}


@pytest.mark.parametrize(
    ("knobs", "left", "named"),
    [
        ({"plan": "last"}, FIRST, ("last_layers", "21 .. 21", 1)),
        ({"plan": "last", "last_layers": 20}, FIRST, ("last_layers", "21 .. 21", 1)),
        ({"plan": "last", "last_layers": 19}, SECOND, ("last_layers", "20 .. 21", 2)),
        ({"frozen_layers": 3}, SECOND, ("frozen_layers", "0 .. 1", 2)),
        ({"frozen_layers": 1, "plan": "last_then_all", "stage1_epochs": 1}, FIRST, ("frozen_layers", "0 .. 0", 1)),
        ({"frozen_layers": 20, "plan": "last"}, FIRST | SECOND, ("frozen_layers", "0 .. 0", 1)),
        ({"frozen_layers": 5, "plan": "last"}, FIRST, ("frozen_layers", "0 .. 0", 1)),
        ({"frozen_layers": 1, "plan": "last"}, SECOND, ("last_layers", "20 .. 21", 2)),
    ],
)
def test_a_layer_that_took_no_weights_is_not_frozen_for_good(knobs: dict[str, Any], left: set[str], named: tuple[str, str, int]) -> None:
    config = settings(**RESNET, weights="run:1", **knobs)
    with pytest.raises(BadKnob, match="run:1 fits it") as refused:
        require_taken(config, network(config), left)
    assert tuple(refused.value.fields[name] for name in ("knob", "allowed", "layer")) == named


@pytest.mark.parametrize(
    ("knobs", "second_stage"),
    [({"plan": "last"}, True), ({"frozen_layers": 1}, False), ({"plan": "last", "frozen_layers": 1}, False)],
)
@pytest.mark.parametrize(("weights", "origin"), [("run:1", "(run:1)"), ("imagenet", "(imagenet, 224 px)")])
def test_who_freezes_a_drawn_layer_is_told_what_would_help(knobs: dict[str, Any], second_stage: bool, weights: str, origin: str) -> None:
    config = settings(**RESNET | {"width": 1.0}, weights=weights, **knobs)
    with torch.device("meta"), pytest.raises(BadKnob) as refused:
        require_taken(config, network(config), FIRST)
    for language in LANGUAGES:
        said = say(refused.value.key, language, **refused.value.fields).replace("（", "(").replace("）", ")")
        assert ("last_then_all" in said, origin in said) == (second_stage, True)


@pytest.mark.parametrize(
    ("knobs", "left"),
    [
        ({}, FIRST),
        ({"plan": "last", "last_layers": 21}, FIRST),
        ({"plan": "last"}, {"fc.weight", "fc.bias", "bn1.weight"}),
        ({"plan": "last_then_all", "stage1_epochs": 1}, FIRST),
        ({"frozen_layers": 1}, SECOND),
    ],
)
def test_what_learns_in_some_stage_may_be_drawn(knobs: dict[str, Any], left: set[str]) -> None:
    config = settings(**RESNET, weights="run:1", **knobs)
    require_taken(config, network(config), left)


@pytest.mark.parametrize("knobs", [{"plan": "last", "last_layers": 6}, {"frozen_layers": 5}])
def test_layers_that_the_network_does_not_have_are_named(knobs: dict[str, Any]) -> None:
    with pytest.raises(BadKnob) as refused:
        begin(settings(**knobs), digits())
    assert refused.value.fields["layers"] == 5
