"""Every architecture of the catalog: its shapes at both ends, its knobs, and the counts of the published ones."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from engine.catalog import ARCHITECTURES
from engine.config import KNOBS, Knob
from engine.config.model import ModelConfig
from engine.models.building import BUILDERS, build
from engine.models.layers import count
from tests.config.test_config import another
from tests.networks import FAMILIES, FAMILY, fast

NARROW = 0.125


def blueprint(name: str, resolution: int, channels: int = 3, classes: int = 1000, **knobs: Any) -> nn.Module:
    """The network without its numbers."""
    with torch.device("meta"):
        return build(ModelConfig(architecture=name, **knobs), channels, classes, resolution)


def parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def train_a_step(name: str, channels: int, side: int, batch: int, width: float) -> None:
    """On noise: logits of the right shape, a finite gradient for every weight, finite logits afterwards."""
    torch.manual_seed(0)
    model = build(ModelConfig(architecture=name, width=width), channels, classes=7, resolution=side)
    optimiser = torch.optim.SGD(model.parameters(), lr=1e-3)
    pictures = torch.randn(batch, channels, side, side)
    logits = model(pictures)
    assert logits.shape == (batch, 7)
    functional.cross_entropy(logits, torch.arange(batch)).backward()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in model.parameters())
    optimiser.step()
    assert model(pictures).isfinite().all()


def layers(model: nn.Module, kind: type[nn.Module]) -> list[nn.Module]:
    return [module for module in model.modules() if isinstance(module, kind)]


def test_the_builders_are_those_of_the_catalog() -> None:
    assert list(BUILDERS) == list(ARCHITECTURES)


@FAMILY
def test_it_has_as_many_layers_as_the_catalog_says(name: str) -> None:
    assert {count(blueprint(name, side)) for side in (32, 96)} == {ARCHITECTURES[name].layers}


@pytest.mark.parametrize("knob", [knob for knob in KNOBS.values() if knob.group == "model"][1:], ids=lambda knob: knob.name)
def test_a_knob_alters_the_layers_where_it_says_so(knob: Knob) -> None:
    needed: dict[str, Any] = {"pooling": "compact_bilinear"} if knob.name == "pooling_size" else {}
    name = next(name for name, entry in ARCHITECTURES.items() if entry.obeys(knob.name))
    as_it_is, changed = (
        {part: weight.shape for part, weight in blueprint(name, 32, **needed | change).state_dict().items()}
        for change in ({}, {knob.name: another(knob)})
    )
    assert (as_it_is != changed) == (knob.alters in ("body", "head"))


@FAMILY
def test_trains_a_step_on_grey_pictures_at_its_smallest_resolution(name: str) -> None:
    train_a_step(name, channels=1, side=ARCHITECTURES[name].smallest, batch=4, width=NARROW)


@pytest.mark.slow
@FAMILY
def test_trains_a_step_on_colours_at_the_largest_resolution(name: str) -> None:
    train_a_step(name, channels=3, side=int(KNOBS["resolution"].high or 0), batch=2, width=NARROW)


@pytest.mark.slow
@FAMILY
def test_trains_a_step_as_published_at_224_pixels(name: str) -> None:
    train_a_step(name, channels=3, side=224, batch=2, width=1.0)


# Width and rate of those that learn little in so few steps: an eighth of LeNet is one channel, the speedrun's net divides its answers by 9.
LIVELIER = {"lenet": (1.0, 1e-2), "speedrun": (NARROW, 2e-2)}


@pytest.mark.slow
@FAMILY
def test_a_few_steps_lower_the_loss_of_a_tiny_batch(name: str) -> None:
    torch.manual_seed(0)
    side = max(ARCHITECTURES[name].smallest, 16)
    width, rate = LIVELIER.get(name, (NARROW, 2e-3))
    model = build(ModelConfig(architecture=name, width=width, dropout=0.0), 3, 4, side)
    pictures, labels = torch.randn(8, 3, side, side), torch.arange(8) % 4
    optimiser = torch.optim.Adam(model.parameters(), lr=rate)
    losses = []
    for _ in range(12):
        optimiser.zero_grad()
        loss = functional.cross_entropy(model(pictures), labels)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


@FAMILY
def test_bf16_gives_finite_numbers(name: str) -> None:
    torch.manual_seed(0)
    side = max(ARCHITECTURES[name].smallest, 16)
    model = build(ModelConfig(architecture=name, width=NARROW), 3, 5, side).to(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(torch.randn(4, 3, side, side).to(memory_format=torch.channels_last))
    functional.cross_entropy(logits.float(), torch.arange(4)).backward()
    assert logits.isfinite().all()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in model.parameters())


@FAMILY
def test_the_catalog_says_whether_there_is_batch_norm(name: str) -> None:
    assert bool(layers(blueprint(name, 32), nn.BatchNorm2d)) == ARCHITECTURES[name].batch_norm


@FAMILY
def test_answers_where_32_does_not_divide_the_resolution(name: str) -> None:
    model = blueprint(name, 48, channels=3, classes=5, width=NARROW)
    assert model(torch.empty(2, 3, 48, 48, device="meta")).shape == (2, 5)


@FAMILY
def test_width_scales_the_channels(name: str) -> None:
    narrow, whole, wide = (parameters(blueprint(name, 64, classes=10, width=width)) for width in (0.5, 1.0, 2.0))
    assert narrow < whole / 1.8
    assert wide > whole * 1.8


@FAMILY
def test_every_dropout_layer_has_the_asked_probability(name: str) -> None:
    with torch.device("meta"):
        model = build(ModelConfig(architecture=name, dropout=0.35), 3, 10, 32)
    probabilities = [layer.p for layer in layers(model, nn.Dropout)]
    assert probabilities
    assert set(probabilities) == {0.35}


@pytest.mark.parametrize("name", ["lenet", "shufflenet_v2"])
def test_the_same_seed_gives_the_same_weights_and_another_others(name: str) -> None:
    config = ModelConfig(architecture=name, width=NARROW)
    first, again, other = (_seeded(config, seed) for seed in (3, 3, 4))
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not all(torch.equal(first[key], other[key]) for key in first)


def _seeded(config: ModelConfig, seed: int) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    return build(config, 1, 10, 32).state_dict()


PUBLISHED = {
    "vgg11": 132_863_336,
    "vgg13": 133_047_848,
    "vgg16": 138_357_544,
    "vgg19": 143_667_240,
    "vgg11_bn": 132_868_840,
    "vgg13_bn": 133_053_736,
    "vgg16_bn": 138_365_992,
    "vgg19_bn": 143_678_248,
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "densenet121": 7_978_856,
    "mobilenet_v2": 3_504_872,
    "mobilenet_v3_small": 2_542_856,
    "mobilenet_v3_large": 5_483_032,
    "shufflenet_v2": 2_278_604,
    "efficientnet_b0": 5_288_548,
    "convnext_tiny": 28_589_128,
}
# Where torchvision has another name for it.
THEIRS = {"shufflenet_v2": "shufflenet_v2_x1_0"}


def test_whatever_has_published_weights_is_compared_with_torchvision() -> None:
    own_package = {"efficientnet_lite0"}  # test_published compares it
    assert {*PUBLISHED} | own_package == {name for name, entry in ARCHITECTURES.items() if entry.imagenet}


@pytest.mark.parametrize(("name", "count"), PUBLISHED.items())
def test_has_as_many_parameters_as_torchvision_lists(name: str, count: int) -> None:
    assert parameters(blueprint(name, 224)) == count


@pytest.mark.parametrize("name", PUBLISHED)
def test_has_the_parameter_names_and_shapes_of_torchvision(name: str) -> None:
    from torchvision import models

    with torch.device("meta"):
        theirs = models.get_model(THEIRS.get(name, name)).state_dict()
    ours = blueprint(name, 224).state_dict()
    assert {key: tensor.shape for key, tensor in ours.items()} == {key: tensor.shape for key, tensor in theirs.items()}


# Of the VGGs one: the convolutions of the others are compared below, and a head as published takes seconds to draw.
COMPUTED = [name for name in PUBLISHED if name == "vgg11_bn" or not name.startswith("vgg")]


@fast(["resnet18", "mobilenet_v3_small", "shufflenet_v2"], among=COMPUTED)
def test_computes_what_torchvision_computes(name: str) -> None:
    from torchvision import models

    torch.manual_seed(0)
    theirs = models.get_model(THEIRS.get(name, name)).eval()
    ours = build(ModelConfig(architecture=name), 3, 1000, 224).eval()
    ours.load_state_dict(theirs.state_dict())
    pictures = torch.rand(1, 3, 224, 224)
    with torch.inference_mode():
        torch.testing.assert_close(ours(pictures), theirs(pictures))


@pytest.mark.parametrize(("name", "letter"), [("vgg11", "A"), ("vgg13_bn", "B"), ("vgg16", "D"), ("vgg19_bn", "E")])
def test_the_convolutions_of_a_vgg_compute_what_torchvision_computes(name: str, letter: str) -> None:
    from torchvision.models.vgg import cfgs, make_layers

    theirs = make_layers(cfgs[letter], batch_norm=name.endswith("bn")).eval()
    ours = build(ModelConfig(architecture=name), 3, 10, 32).features.eval()  # type: ignore[operator]
    ours.load_state_dict(theirs.state_dict())
    pictures = torch.rand(1, 3, 32, 32)
    with torch.inference_mode():
        torch.testing.assert_close(ours(pictures), theirs(pictures))


@pytest.mark.parametrize(("depth", "convolutions"), [(11, 8), (13, 10), (16, 13), (19, 16)])
@pytest.mark.parametrize("norm", ["", "_bn"])
def test_a_vgg_has_its_convolutions_and_three_fully_connected_layers(depth: int, convolutions: int, norm: str) -> None:
    model = blueprint(f"vgg{depth}{norm}", 32)
    assert len(layers(model, nn.Conv2d)) == convolutions
    assert len(layers(model, nn.Linear)) == 3
    assert len(layers(model, nn.BatchNorm2d)) == (convolutions if norm else 0)


@pytest.mark.parametrize(("depth", "convolutions", "skips"), [(18, 17, 3), (34, 33, 3), (50, 49, 4)])
def test_a_resnet_has_its_convolutions_one_fully_connected_layer_and_skips(depth: int, convolutions: int, skips: int) -> None:
    model = blueprint(f"resnet{depth}", 32)
    on_the_skips = [name for name, _ in model.named_modules() if name.endswith("downsample.0")]
    assert len(layers(model, nn.Conv2d)) - len(on_the_skips) == convolutions
    assert len(on_the_skips) == skips
    assert len(layers(model, nn.Linear)) == 1


@pytest.mark.parametrize(("depth", "channels"), [(18, 8), (50, 32)])
def test_a_fresh_resnet_block_is_its_skip_alone(depth: int, channels: int) -> None:
    block = build(ModelConfig(architecture=f"resnet{depth}", width=NARROW), 3, 10, 32).layer1[1].eval()  # type: ignore[index]
    maps = torch.rand(2, channels, 4, 4)
    torch.testing.assert_close(block(maps), maps)


# What gives the map that reaches the head.
LAST_MAP = {
    "resnet18": "layer4",
    "resnet50": "layer4",
    "densenet121": "features",
    "mobilenet_v2": "features",
    "mobilenet_v3_small": "features",
    "mobilenet_v3_large": "features",
    "shufflenet_v2": "conv5",
    "efficientnet_b0": "features",
    "convnext_tiny": "features",
}


@pytest.mark.parametrize("name", [name for name in ARCHITECTURES if name not in LAST_MAP])
def test_of_32_pixels_at_least_four_places_are_left_before_the_head_pools_them(name: str) -> None:
    model = blueprint(name, 32, width=NARROW)
    sides: list[int] = []
    layers(model, nn.Conv2d)[-1].register_forward_hook(lambda module, inputs, maps: sides.append(maps.shape[-1]))
    model(torch.empty(2, 3, 32, 32, device="meta"))
    assert sides[0] >= 2


SIDES = [pytest.param(8, 1, marks=pytest.mark.slow), (32, 4), (64, 2), pytest.param(224, 7, marks=pytest.mark.slow)]


@pytest.mark.slow
@fast([name for name in FAMILIES if name in LAST_MAP], among=LAST_MAP)
@pytest.mark.parametrize(("resolution", "side"), SIDES)
def test_small_pictures_are_divided_by_8_and_large_ones_by_32(name: str, resolution: int, side: int) -> None:
    model = blueprint(name, resolution, width=NARROW)
    sides: list[int] = []
    model.get_submodule(LAST_MAP[name]).register_forward_hook(lambda module, inputs, maps: sides.append(maps.shape[-1]))
    model(torch.empty(2, 3, resolution, resolution, device="meta"))
    assert sides == [side]


HEADS = [(32, 512, 1), (64, 512, 2), (96, 512, 3), (128, 4096, 4), (224, 4096, 7), (448, 4096, 7)]


@pytest.mark.parametrize(("resolution", "hidden", "side"), HEADS)
def test_the_head_of_a_vgg_follows_the_resolution(resolution: int, hidden: int, side: int) -> None:
    first = layers(blueprint("vgg11", resolution), nn.Linear)[0]
    assert (first.in_features, first.out_features) == (512 * side**2, hidden)
