"""Every architecture of the catalog: its shapes at both ends, its knobs, and the counts of the published ones."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from engine.catalog import ARCHITECTURES
from engine.config.model import ModelConfig
from engine.models.building import BUILDERS, build

EVERY = pytest.mark.parametrize("name", ARCHITECTURES)
NARROW = 0.125


def blueprint(name: str, resolution: int, channels: int = 3, classes: int = 1000, width: float = 1.0) -> nn.Module:
    """The network without its numbers."""
    with torch.device("meta"):
        return build(ModelConfig(architecture=name, width=width), channels, classes, resolution)


def parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def layers(model: nn.Module, kind: type[nn.Module]) -> list[nn.Module]:
    return [module for module in model.modules() if isinstance(module, kind)]


def test_the_builders_are_those_of_the_catalog() -> None:
    assert list(BUILDERS) == list(ARCHITECTURES)


@EVERY
def test_learns_from_a_batch_at_its_smallest_resolution(name: str) -> None:
    smallest = ARCHITECTURES[name].smallest
    model = build(ModelConfig(architecture=name, width=NARROW), channels=1, classes=7, resolution=smallest)
    logits = model(torch.rand(4, 1, smallest, smallest))
    functional.cross_entropy(logits, torch.tensor([0, 1, 2, 6])).backward()
    assert logits.shape == (4, 7)
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in model.parameters())


@EVERY
@pytest.mark.parametrize("resolution", [48, 224, 336, 448])
def test_answers_at_larger_resolutions(name: str, resolution: int) -> None:
    model = blueprint(name, resolution, channels=3, classes=5, width=NARROW)
    assert model(torch.empty(2, 3, resolution, resolution, device="meta")).shape == (2, 5)


@EVERY
def test_computes_at_224_pixels(name: str) -> None:
    model = build(ModelConfig(architecture=name, width=NARROW), channels=3, classes=5, resolution=224).eval()
    with torch.inference_mode():
        logits = model(torch.rand(1, 3, 224, 224))
    assert logits.shape == (1, 5)
    assert logits.isfinite().all()


@EVERY
def test_width_scales_the_channels(name: str) -> None:
    narrow, whole, wide = (parameters(blueprint(name, 64, classes=10, width=width)) for width in (0.5, 1.0, 2.0))
    assert narrow < whole / 1.8
    assert wide > whole * 1.8


@EVERY
def test_every_dropout_layer_has_the_asked_probability(name: str) -> None:
    with torch.device("meta"):
        model = build(ModelConfig(architecture=name, dropout=0.35), 3, 10, 32)
    probabilities = [layer.p for layer in layers(model, nn.Dropout)]
    assert probabilities
    assert set(probabilities) == {0.35}


@EVERY
def test_the_same_seed_gives_the_same_weights(name: str) -> None:
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
    "mobilenet_v2": 3_504_872,
}


@pytest.mark.parametrize(("name", "count"), PUBLISHED.items())
def test_has_as_many_parameters_as_torchvision_lists(name: str, count: int) -> None:
    assert parameters(blueprint(name, 224)) == count


@pytest.mark.parametrize("name", PUBLISHED)
def test_has_the_parameter_names_and_shapes_of_torchvision(name: str) -> None:
    from torchvision import models

    with torch.device("meta"):
        theirs = models.get_model(name).state_dict()
    ours = blueprint(name, 224).state_dict()
    assert {key: tensor.shape for key, tensor in ours.items()} == {key: tensor.shape for key, tensor in theirs.items()}


def test_a_resnet_computes_what_torchvision_computes() -> None:
    from torchvision import models

    theirs = models.resnet18().eval()
    ours = build(ModelConfig(architecture="resnet18"), 3, 1000, 224).eval()
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


@pytest.mark.parametrize(("depth", "convolutions"), [(18, 17), (34, 33)])
def test_a_resnet_has_its_convolutions_one_fully_connected_layer_and_skips(depth: int, convolutions: int) -> None:
    model = blueprint(f"resnet{depth}", 32)
    on_the_skips = [module for module in layers(model, nn.Conv2d) if module.kernel_size == (1, 1)]  # type: ignore[attr-defined]
    assert len(layers(model, nn.Conv2d)) - len(on_the_skips) == convolutions
    assert len(on_the_skips) == 3
    assert len(layers(model, nn.Linear)) == 1


def test_a_fresh_resnet_block_is_its_skip_alone() -> None:
    block = build(ModelConfig(architecture="resnet18", width=NARROW), 3, 10, 32).layer1[0].eval()  # type: ignore[index]
    maps = torch.rand(2, 8, 4, 4)
    torch.testing.assert_close(block(maps), maps)


@pytest.mark.parametrize(("resolution", "side"), [(8, 1), (32, 4), (63, 8), (64, 2), (224, 7)])
def test_a_resnet_divides_small_pictures_by_8_and_large_ones_by_32(resolution: int, side: int) -> None:
    model = blueprint("resnet18", resolution, width=NARROW)
    sides: list[int] = []
    model.layer4.register_forward_hook(lambda module, inputs, maps: sides.append(maps.shape[-1]))  # type: ignore[union-attr]
    model(torch.empty(2, 3, resolution, resolution, device="meta"))
    assert sides == [side]


HEADS = [(32, 512, 1), (64, 512, 2), (96, 512, 3), (128, 4096, 4), (224, 4096, 7), (448, 4096, 7)]


@pytest.mark.parametrize(("resolution", "hidden", "side"), HEADS)
def test_the_head_of_a_vgg_follows_the_resolution(resolution: int, hidden: int, side: int) -> None:
    first = layers(blueprint("vgg11", resolution), nn.Linear)[0]
    assert (first.in_features, first.out_features) == (512 * side**2, hidden)
