"""Every knob: bounds hold, values round-trip through flat values, JSON and the command line, errors name the knob."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import catalog
from engine.commands.line import parser
from engine.config import KNOBS, Knob, RunConfig
from engine.errors import BadKnob

# What a knob needs beside it to be set at all.
NEEDS: dict[str, dict[str, object]] = {
    "nesterov": {"optimizer": "sgd"},
    **dict.fromkeys(catalog.VARIANTS, {"architecture": "vgg11_bn"}),
    "stochastic_depth": {"architecture": "resnet18"},
    "norm_momentum": {"architecture": "resnet18"},
    "frozen_layers": {"architecture": "resnet50"},
    "frozen_norm": {"architecture": "resnet18", "weights": "run:12"},
}


def another(knob: Knob) -> object:
    """A valid value that is not the default, and goes with all other defaults but for what it needs."""
    special = {"dataset": "fashion_mnist", "warmup": 1.0, "seed": 7, "weights": "run:12"}
    if knob.name in special:
        return special[knob.name]
    values = knob.choices or knob.steps
    return next(value for value in reversed(values) if value != knob.default)


@pytest.mark.parametrize("knob", KNOBS.values(), ids=lambda knob: knob.name)
def test_a_knob_round_trips_through_json_and_the_command_line(knob: Knob) -> None:
    value, needs = another(knob), NEEDS.get(knob.name, {})
    config = RunConfig.from_flat({knob.name: value, **needs})
    assert config.flat()[knob.name] == value
    assert RunConfig.model_validate(json.loads(config.model_dump_json())) == config
    for flag in {f"--{knob.name}", f"--{knob.name.replace('_', '-')}"}:
        words = vars(parser().parse_args(["train", flag, str(value)]))
        assert RunConfig.from_flat({knob.name: words[f"knob-{knob.name}"], **needs}) == config


@pytest.mark.parametrize("knob", [knob for knob in KNOBS.values() if knob.kind != "str"], ids=lambda knob: knob.name)
@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "x", "", None, [], {}, "1e999", -1, 10**12])
def test_a_number_out_of_range_is_refused_by_name(knob: Knob, value: object) -> None:
    with pytest.raises(BadKnob) as caught:
        RunConfig.from_flat({knob.name: value})
    assert caught.value.fields["knob"] == knob.name
    assert knob.name in str(caught.value)
    assert knob.allowed in str(caught.value)


@pytest.mark.parametrize("knob", [knob for knob in KNOBS.values() if knob.choices], ids=lambda knob: knob.name)
def test_an_unknown_choice_is_refused_with_the_choices(knob: Knob) -> None:
    with pytest.raises(BadKnob, match=knob.choices[0]):
        RunConfig.from_flat({knob.name: "no-such-thing"})


BAD_WEIGHTS = ["", "run", "run:", "run:0", "run:01", "run:-1", "run:1\n", "run:1234567890", "ImageNet", " none", "x" * 10_000]


@pytest.mark.parametrize("text", BAD_WEIGHTS)
def test_weights_that_are_none_of_those_there_are_refused_with_what_may_be_given(text: str) -> None:
    with pytest.raises(BadKnob, match="none, imagenet, run:NUMBER") as refused:
        RunConfig.from_flat({"weights": text})
    assert refused.value.fields["knob"] == "weights"


def test_weights_of_a_run_say_which() -> None:
    donors = [
        RunConfig.from_flat({"weights": text, "architecture": "resnet18"}).model.weights_run for text in ("none", "imagenet", "run:12")
    ]
    assert donors == [None, None, 12]


def test_an_unknown_knob_is_refused() -> None:
    with pytest.raises(BadKnob, match="wieght_decay"):
        RunConfig.from_flat({"wieght_decay": 1})


@pytest.mark.parametrize(
    ("values", "knob"),
    [
        ({"architecture": "vgg16", "resolution": 28}, "resolution"),
        ({"optimizer": "adamw", "decay_kind": "l2"}, "decay_kind"),
        ({"optimizer": "adafactor", "decay_kind": "l2"}, "decay_kind"),
        ({"nesterov": "on"}, "nesterov"),
        ({"optimizer": "sgd", "nesterov": "on", "momentum": 0}, "nesterov"),
        ({"stochastic_depth": 0.1}, "stochastic_depth"),
        ({"architecture": "vgg11", "norm_momentum": 0.1}, "norm_momentum"),
        ({"schedule": "step", "epochs": 5}, "step_epochs"),
        ({"schedule": "reduce_on_plateau", "early_stopping": 6}, "early_stopping"),
        ({"epochs": 3, "warmup": 5}, "warmup"),
        ({"augmentation": "extreme"}, "augmentation"),
        ({"kernel": 2}, "kernel"),
        ({"architecture": "resnet50", "convolution": "grouped"}, "convolution"),
        ({"architecture": "mobilenet_v3_small", "squeeze_excitation": "on"}, "squeeze_excitation"),
        ({"architecture": "resnet18", "hidden": 64}, "hidden"),
        ({"architecture": "mobilenet_v2", "width": 2.0, "pooling": "bilinear"}, "pooling"),
        ({"plan": "last", "last_layers": 6}, "last_layers"),
        ({"frozen_layers": 5}, "frozen_layers"),
        ({"plan": "last_then_all", "stage1_epochs": 20}, "stage1_epochs"),
        ({"plan": "last_then_all", "stage1_epochs": 18, "warmup": 3}, "warmup"),
        ({"plan": "last_then_all", "stage1_epochs": 15, "schedule": "step"}, "step_epochs"),
        ({"plan": "last_then_all", "stage1_epochs": 5, "stage1_schedule": "step"}, "step_epochs"),
        ({"architecture": "convnext_tiny", "weights": "imagenet", "frozen_norm": "on"}, "frozen_norm"),
        ({"architecture": "resnet18", "frozen_norm": "on"}, "frozen_norm"),
        ({"architecture": "lenet", "weights": "imagenet"}, "weights"),
        ({"architecture": "resnet18", "weights": "imagenet", "width": 0.5}, "width"),
    ],
)
def test_what_does_not_go_together_is_refused_by_name(values: dict[str, object], knob: str) -> None:
    with pytest.raises(BadKnob) as caught:
        RunConfig.from_flat(values)
    assert caught.value.fields["knob"] == knob


@pytest.mark.parametrize(
    "values",
    [
        {"optimizer": "sgd", "nesterov": "on", "momentum": 0.5},
        {"architecture": "mobilenet_v2", "stochastic_depth": 0.1, "norm_momentum": 0.01},
        {"schedule": "step", "epochs": 10},
        {"schedule": "cosine", "epochs": 5},
        {"schedule": "reduce_on_plateau", "early_stopping": 7},
        {"plan": "all", "last_layers": 6},
        {"plan": "last", "last_layers": 5, "frozen_layers": 4},
        {"plan": "last_then_all", "stage1_epochs": 5, "stage1_schedule": "step", "step_epochs": 5, "warmup": 15},
        {"plan": "last", "stage1_schedule": "step", "stage1_epochs": 1},
        {"schedule": "reduce_on_plateau", "early_stopping": 0, "epochs": 3},
    ],
)
def test_what_goes_together_is_taken(values: dict[str, object]) -> None:
    flat = RunConfig.from_flat(values).flat()
    assert {name: flat[name] for name in values} == values


@pytest.mark.parametrize("name", catalog.ARCHITECTURES)
@pytest.mark.parametrize("variant", catalog.VARIANTS)
def test_a_variant_is_for_the_networks_that_have_it_and_its_default_for_all(name: str, variant: str) -> None:
    facts = catalog.ARCHITECTURES[name]
    fitting: dict[str, object] = {"architecture": name, "resolution": 32, variant: KNOBS[variant].default}
    RunConfig.from_flat(fitting)
    changed = fitting | {variant: another(KNOBS[variant])}
    if variant in facts.variants:
        RunConfig.from_flat(changed)
        return
    with pytest.raises(BadKnob) as refused:
        RunConfig.from_flat(changed)
    assert (refused.value.key, refused.value.fields["knob"]) == ("errors.knob_of_others", variant)
    assert refused.value.fields["allowed"] == str(KNOBS[variant].default)
    assert facts.label in str(refused.value)
    assert catalog.having(variant)[0] in str(refused.value)


@pytest.mark.parametrize("level", catalog.LEVELS)
@pytest.mark.parametrize("dataset", catalog.DATASETS)
def test_an_augmentation_level_sets_the_strengths_and_is_read_back(level: str, dataset: str) -> None:
    config = RunConfig.from_flat({"dataset": dataset, "augmentation": level})
    assert catalog.level_of(config.augmentation.model_dump(exclude={"flip_order"}), dataset) == level
    assert catalog.DATASETS[dataset].mirror or config.augmentation.flip == 0


@given(st.dictionaries(st.sampled_from(list(KNOBS)), st.one_of(st.floats(), st.integers(), st.text(), st.none(), st.booleans())))
def test_any_values_give_a_config_or_a_named_refusal(values: dict[str, object]) -> None:
    try:
        config = RunConfig.from_flat(values)
    except BadKnob as error:
        assert error.fields["knob"] in KNOBS
    else:
        assert RunConfig.from_flat(config.flat()) == config


def test_every_step_of_a_slider_is_allowed() -> None:
    for knob in KNOBS.values():
        assert all(knob.low <= step <= knob.high for step in knob.steps if knob.low is not None and knob.high is not None)
