"""Every knob: bounds hold, values round-trip through flat values, JSON and the command line, errors name the knob."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine import catalog
from engine.commands.line import parser
from engine.config import KNOBS, Knob, RunConfig
from engine.errors import BadKnob


def another(knob: Knob) -> object:
    """A valid value that is not the default, and goes with all other defaults."""
    special = {"dataset": "fashion_mnist", "warmup": 1.0, "seed": 7}
    if knob.name in special:
        return special[knob.name]
    values = knob.choices or knob.steps
    return next(value for value in reversed(values) if value != knob.default)


@pytest.mark.parametrize("knob", KNOBS.values(), ids=lambda knob: knob.name)
def test_a_knob_round_trips_through_json_and_the_command_line(knob: Knob) -> None:
    value = another(knob)
    config = RunConfig.from_flat({knob.name: value})
    assert config.flat()[knob.name] == value
    assert RunConfig.model_validate(json.loads(config.model_dump_json())) == config
    for flag in {f"--{knob.name}", f"--{knob.name.replace('_', '-')}"}:
        words = vars(parser().parse_args(["train", flag, str(value)]))
        assert RunConfig.from_flat({knob.name: words[f"knob-{knob.name}"]}) == config


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


def test_an_unknown_knob_is_refused() -> None:
    with pytest.raises(BadKnob, match="wieght_decay"):
        RunConfig.from_flat({"wieght_decay": 1})


@pytest.mark.parametrize(
    ("values", "knob"),
    [
        ({"architecture": "vgg16", "resolution": 28}, "resolution"),
        ({"optimizer": "adamw", "decay_kind": "l2"}, "decay_kind"),
        ({"epochs": 3, "warmup": 5}, "warmup"),
        ({"augmentation": "extreme"}, "augmentation"),
    ],
)
def test_what_does_not_go_together_is_refused_by_name(values: dict[str, object], knob: str) -> None:
    with pytest.raises(BadKnob) as caught:
        RunConfig.from_flat(values)
    assert caught.value.fields["knob"] == knob


@pytest.mark.parametrize("level", catalog.LEVELS)
@pytest.mark.parametrize("dataset", catalog.DATASETS)
def test_an_augmentation_level_sets_the_strengths_and_is_read_back(level: str, dataset: str) -> None:
    config = RunConfig.from_flat({"dataset": dataset, "augmentation": level})
    assert catalog.level_of(config.augmentation.model_dump(exclude={"flip_order"}), dataset) == level
    assert catalog.DATASETS[dataset].mirror or config.augmentation.flip == 0


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
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
