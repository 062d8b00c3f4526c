"""Variants of a network: what each knob changes, and that it changes nothing where it is as it was."""

import itertools
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from engine.catalog import ARCHITECTURES, VARIANTS
from engine.config import KNOBS
from engine.config.model import ModelConfig
from engine.models.building import build
from engine.models.convolutions import GROUPS, convolution
from engine.models.squeeze import SqueezeExcitation
from tests.models.test_building import NARROW, blueprint, layers, parameters
from tests.networks import fast

# What changes the shape of a network; stochastic depth does not.
OBEYED = [(name, knob) for name, entry in ARCHITECTURES.items() for knob in entry.variants if knob != "stochastic_depth"]
# The least and the most that one builder makes.
VGGS = fast(["vgg11", "vgg19_bn"], among=[name for name in ARCHITECTURES if name.startswith("vgg")])
FIRST = ("lenet", "vgg11", "vgg19_bn", "resnet18", "resnet50", "mobilenet_v3_small")
CHANGED = {
    "kernel": (1, 2),
    "layers_less": (1, 2),
    "convolution": ("grouped", "depthwise_separable"),
    "hidden": (40,),
    "squeeze_excitation": ("on",),
}
CHANGES = [
    pytest.param(name, knob, value, marks=() if name in FIRST else pytest.mark.slow) for name, knob in OBEYED for value in CHANGED[knob]
]
SHAPES = list(itertools.product((1, 2, 3), ("full", "grouped", "depthwise_separable"), (0, 1, 2)))


def small(name: str, channels: int = 3, **knobs: Any) -> nn.Module:
    torch.manual_seed(0)
    return build(ModelConfig(architecture=name, width=NARROW, dropout=0.0, **knobs), channels, 5, 32)


def test_every_variant_is_tried_here() -> None:
    assert {*CHANGED, "stochastic_depth"} == set(VARIANTS)
    assert all(KNOBS[knob].default not in values for knob, values in CHANGED.items())


@pytest.mark.parametrize(("name", "knob", "value"), CHANGES)
def test_a_variant_has_another_size_and_still_learns(name: str, knob: str, value: object) -> None:
    model = small(name, channels=1, **{knob: value})
    assert parameters(model) != parameters(blueprint(name, 32, channels=1, classes=5, width=NARROW))
    logits = model(torch.randn(4, 1, 32, 32))
    functional.cross_entropy(logits, torch.arange(4)).backward()
    assert logits.shape == (4, 5)
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in model.parameters())


@VGGS
@pytest.mark.parametrize("kernel", [1, 2])
def test_a_smaller_kernel_has_its_share_of_the_weights(name: str, kernel: int) -> None:
    def filters(side: int) -> int:
        return sum(layer.weight.numel() for layer in layers(blueprint(name, 32, kernel=side), nn.Conv2d))

    assert filters(kernel) * 9 == filters(3) * kernel**2


@pytest.mark.parametrize(("kernel", "kind", "place"), SHAPES)
def test_a_convolution_keeps_the_size_of_the_maps(kernel: int, kind: str, place: int) -> None:
    made = nn.Sequential(*convolution(ModelConfig.model_validate({"kernel": kernel, "convolution": kind}), 8, 16, place))
    assert made(torch.randn(2, 8, 7, 7)).shape == (2, 16, 7, 7)


def test_two_kernels_of_even_side_look_both_ways() -> None:
    both = nn.Sequential(*(layer for place in (1, 2) for layer in convolution(ModelConfig(kernel=2), 1, 1, place)))
    for layer in layers(both, nn.Conv2d):
        nn.init.ones_(layer.weight)
        nn.init.zeros_(layer.bias)
    point = torch.zeros(1, 1, 5, 5)
    point[0, 0, 2, 2] = 1
    seen = both(point)[0, 0]
    assert torch.equal(seen, seen.flip(0)) and torch.equal(seen, seen.flip(1))
    assert seen[1:4, 1:4].gt(0).all()


@pytest.mark.parametrize(
    ("name", "less", "convolutions"),
    [("vgg11", 1, 5), ("vgg16", 1, 8), ("vgg16", 2, 5), ("vgg19_bn", 2, 8), ("resnet18", 1, 9), ("resnet34", 2, 17), ("resnet50", 2, 25)],
)
def test_fewer_layers_are_left_in_each_stage_but_never_none(name: str, less: int, convolutions: int) -> None:
    model = blueprint(name, 32, layers_less=less)
    left = [place for place, layer in model.named_modules() if isinstance(layer, nn.Conv2d) and "downsample" not in place]
    assert len(left) == convolutions


@VGGS
def test_grouped_convolutions_have_a_quarter_of_the_weights_all_but_the_first(name: str) -> None:
    full, grouped = (layers(blueprint(name, 32, convolution=kind), nn.Conv2d) for kind in ("full", "grouped"))
    assert [layer.groups for layer in grouped] == [1, *[GROUPS] * (len(full) - 1)]
    assert [layer.weight.numel() * layer.groups for layer in grouped] == [layer.weight.numel() for layer in full]


@VGGS
def test_separable_convolutions_are_a_filter_a_channel_and_a_mix(name: str) -> None:
    full, separable = (layers(blueprint(name, 32, convolution=kind), nn.Conv2d) for kind in ("full", "depthwise_separable"))
    assert separable[0].weight.shape == full[0].weight.shape
    assert len(separable) == 2 * len(full) - 1
    for plain, depthwise, mix in zip(full[1:], separable[1::2], separable[2::2], strict=True):
        assert depthwise.weight.shape == (plain.in_channels, 1, 3, 3)
        assert mix.weight.shape == (plain.out_channels, plain.in_channels, 1, 1)


@pytest.mark.parametrize(("name", "place"), [("lenet", "classifier"), ("vgg11", "classifier"), ("mobilenet_v3_small", "classifier")])
@pytest.mark.parametrize("hidden", [1, 40, 300])
def test_hidden_layers_have_as_many_units_as_asked_whatever_the_width(name: str, place: str, hidden: int) -> None:
    for width in (0.5, 1.0):
        *inner, _ = layers(blueprint(name, 32, hidden=hidden, width=width).get_submodule(place), nn.Linear)
        assert {layer.out_features for layer in inner} == {hidden}


@pytest.mark.parametrize(("name", "gates"), [("vgg11", 8), ("vgg16_bn", 13), ("resnet18", 8), ("resnet50", 16)])
def test_squeeze_excitation_stands_behind_every_convolution_or_block(name: str, gates: int) -> None:
    plain, adaptive = (blueprint(name, 32, squeeze_excitation=switch) for switch in ("off", "on"))
    found = layers(adaptive, SqueezeExcitation)
    assert (len(layers(plain, SqueezeExcitation)), len(found)) == (0, gates)
    channels = [gate.fc1.in_features for gate in found]
    added = sum(2 * each * max(4, each // 16) + max(4, each // 16) + each for each in channels)
    assert parameters(adaptive) - parameters(plain) == added


@pytest.mark.parametrize("name", ["vgg16", "vgg11_bn", "resnet18", "resnet50"])
def test_a_fresh_gate_passes_everything_on_and_a_learned_one_does_not(name: str) -> None:
    model = small(name, squeeze_excitation="on").eval()
    pictures = torch.randn(2, 3, 32, 32)
    for block in layers(model, nn.BatchNorm2d):
        nn.init.ones_(block.weight)  # a fresh ResNet's blocks are shut
    fresh = model(pictures)
    for gate in layers(model, SqueezeExcitation):
        maps = torch.randn(2, gate.fc1.in_features, 3, 3)
        torch.testing.assert_close(gate(maps), maps)
        nn.init.normal_(gate.fc2.weight)
    assert not torch.allclose(model(pictures), fresh)


def test_a_gate_weighs_maps_by_their_means() -> None:
    gate = SqueezeExcitation(64)
    maps = torch.randn(2, 64, 3, 3)
    means = maps.mean((2, 3))
    weights = 2 / (1 + torch.exp(-(torch.relu(means @ gate.fc1.weight.T + gate.fc1.bias) @ gate.fc2.weight.T + gate.fc2.bias)))
    torch.testing.assert_close(gate(maps), maps * weights[:, :, None, None])
    assert gate.fc1.out_features == 4


@pytest.mark.parametrize("kind", ["full", "depthwise_separable"])
def test_the_signal_of_a_plain_deep_vgg_keeps_its_size(kind: str) -> None:
    model = build(ModelConfig.model_validate({"architecture": "vgg19", "width": 0.25, "convolution": kind}), 3, 5, 32).eval()
    with torch.inference_mode():
        maps = model.features(torch.randn(8, 3, 32, 32))  # type: ignore[operator]
    assert 0.1 < maps.square().mean().sqrt() < 10
