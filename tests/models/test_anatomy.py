"""Networks taken apart: against the whole, against published numbers, against the gradient; layers of every kind and order."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.catalog import ARCHITECTURES
from engine.config.model import ModelConfig
from engine.models.anatomy import Layer, dissect
from engine.models.building import build
from engine.models.layers import weighted_layers
from engine.models.pooling import BilinearPooling, CompactBilinearPooling
from engine.training import facts
from tests.networks import FAMILY, fast


def taken_apart(model: nn.Module, resolution: int, channels: int = 3) -> list[Layer]:
    """The layers of a network whose numbers nobody needs."""
    return dissect(model.to("meta"), torch.empty(1, channels, resolution, resolution, device="meta"))


def blueprint(name: str, resolution: int, **knobs: object) -> nn.Module:
    with torch.device("meta"):
        return build(ModelConfig.model_validate({"architecture": name, **knobs}), 3, 1000, resolution)


def require_the_whole(name: str, side: int, **knobs: object) -> None:
    """Parameters and FLOPs add up, and the layers have the numbers that the knobs count by."""
    model = blueprint(name, side, **knobs)
    numbered = [layer for layer, _ in weighted_layers(model)]
    found = taken_apart(model, side)
    assert sum(layer.parameters for layer in found) == facts.parameters(model)
    assert sum(layer.flops for layer in found) == facts.flops(model, torch.empty(1, 3, side, side, device="meta"))
    assert [layer.name for layer in found if layer.number is not None] == numbered
    assert [layer.number for layer in found if layer.number is not None] == [*range(1, len(numbered) + 1)]
    assert max(layer.field for layer in found) <= side


@FAMILY
def test_the_layers_of_every_network_add_up_to_the_whole(name: str) -> None:
    require_the_whole(name, 32)


@pytest.mark.slow
@FAMILY
@pytest.mark.parametrize("resolution", ["smallest", 224])
def test_they_do_at_other_resolutions(name: str, resolution: int | str) -> None:
    require_the_whole(name, ARCHITECTURES[name].smallest if isinstance(resolution, str) else resolution)


@pytest.mark.parametrize("pooling", ["bilinear", "compact_bilinear"])
@fast(["vgg11", "densenet121", "convnext_tiny"], among=[name for name, facts in ARCHITECTURES.items() if facts.map_channels])
def test_bilinear_pooling_is_a_layer_before_the_last_one(name: str, pooling: str) -> None:
    require_the_whole(name, 32, pooling=pooling, width=0.25)
    model = blueprint(name, 32, pooling=pooling, width=0.25)
    *_, found, last = taken_apart(model, 32)
    assert (found.number, found.kind, found.name, found.parameters) == (None, pooling, "pooling", 0)
    assert found.shape == (last.parameters // 1000 - 1,)
    assert found.flops > 0


@pytest.mark.parametrize("places", [1, 49])
def test_the_work_of_bilinear_pooling_is_that_of_its_formula(places: int) -> None:
    def work(pooling: nn.Module) -> list[int]:
        side = int(places**0.5)
        return [layer.flops for layer in taken_apart(nn.Sequential(nn.Identity(), pooling), side, channels=24)]

    assert work(BilinearPooling(24)) == [2 * 24 * 24 * places]
    assert work(CompactBilinearPooling(24, 1024)) == [round(4 * 24 * places + (2 * places + 1) * 2.5 * 1024 * 10)]


def test_every_map_is_told_with_its_channels_first() -> None:
    found = {layer.name: layer.shape for layer in taken_apart(blueprint("convnext_tiny", 64), 64)}
    assert found["features.1.0.block.0"] == found["features.1.0.block.5"] == (96, 16, 16)
    assert found["features.1.0.block.3"] == (4 * 96, 16, 16)
    assert found["classifier.2"] == (1000,)


def test_a_resnet_18_is_what_was_published() -> None:
    """He et al. 2016, table 1 (1.8e9 multiply-adds); torchvision's 11,689,512; Araujo et al. 2019, whose table has 435 px."""
    found = {layer.name: layer for layer in taken_apart(blueprint("resnet18", 224), 224)}
    assert found["conv1"].shape == (64, 112, 112)
    assert [found[f"layer{stage}.1.conv2"].shape[1] for stage in (1, 2, 3, 4)] == [56, 28, 14, 7]
    assert sum(layer.parameters for layer in found.values()) == 11_689_512
    assert sum(layer.flops for layer in found.values()) / 2 == pytest.approx(1.814e9, rel=1e-3)
    assert (found["conv1"].field, found["maxpool"].field, found["layer1.0.conv1"].field) == (7, 11, 19)
    assert taken_apart(blueprint("resnet18", 512), 512)[-3].field == 435


class Various(nn.Module):
    """Strides, dilation, groups, a skip, both poolings, and operations that are no modules."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.wide = nn.Conv2d(4, 4, 3, padding=2, dilation=2, groups=2)
        self.deep = nn.Conv2d(4, 4, 5, padding=2, groups=4)
        self.scale = nn.Parameter(torch.ones(4, 1, 1))
        self.last = nn.Conv2d(8, 2, 1)

    def forward(self, pictures: Tensor) -> Tensor:
        maps = functional.avg_pool2d(self.norm(self.first(pictures)), 2)
        return self.last(torch.cat([self.deep(self.wide(maps)) * self.scale, functional.max_pool2d(maps, 3, 1, 1)], dim=1))


def reach(model: nn.Module, resolution: int) -> int:
    """The side of the square of pixels that the output in the middle has a gradient of."""
    pictures = torch.rand(1, 3, resolution, resolution, requires_grad=True)
    maps = model.eval()(pictures)
    maps[..., maps.shape[-2] // 2, maps.shape[-1] // 2].sum().backward()
    assert pictures.grad is not None
    columns = pictures.grad.abs().sum((0, 1, 2)).nonzero()
    return int(columns.max() - columns.min()) + 1


def test_the_field_is_that_of_the_gradient() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 5), nn.ReLU(), nn.AvgPool2d(2), nn.Conv2d(4, 4, 3, stride=2, dilation=2), nn.Conv2d(4, 2, 3))
    for model in (Various(), network):
        measured = reach(model, 96)
        assert measured < 96
        assert taken_apart(model, 96)[-1].field == measured


@pytest.mark.parametrize("name", ["resnet18", "vgg11"])
def test_the_field_of_a_network_of_the_catalog_is_that_of_the_gradient(name: str) -> None:
    torch.manual_seed(0)
    whole = build(ModelConfig(architecture=name, width=0.125), 3, 10, 64)
    for norm in whole.modules():
        if isinstance(norm, nn.BatchNorm2d):
            nn.init.ones_(norm.weight)  # a fresh block is its skip alone
    stages = nn.Sequential(*list(whole.children())[:4]) if name == "resnet18" else whole.features[:6]  # type: ignore[index]
    measured = reach(stages, 96)
    assert 5 < measured < 96
    assert max(layer.field for layer in taken_apart(stages, 96)) == measured


def test_operations_have_their_kinds_and_what_comes_after_a_layer_belongs_to_it() -> None:
    found = taken_apart(Various(), 32)
    assert [(layer.number, layer.kind, layer.stride) for layer in found] == [
        (1, "conv", 2), (None, "avg_pool", 2), (2, "grouped", 1), (3, "depthwise", 1), (None, "max_pool", 1), (4, "conv", 1),
    ]  # fmt: skip
    assert [layer.parameters for layer in found] == [3 * 4 * 9 + 4 + 2 * 4, 0, 2 * 4 * 9 + 4, 4 * 25 + 4 + 4, 0, 8 * 2 + 2]
    assert found[2].shape == (4, 8, 8)


class Gated(nn.Module):
    """Squeeze-excitation, then the whole map."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 4, 1), nn.Sigmoid())
        self.after = nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, pictures: Tensor) -> Tensor:
        maps = self.conv(pictures)
        maps = self.after(maps * self.gate(maps))
        return torch.einsum("nchw,ndhw->ncd", maps, maps).flatten(1)


def test_a_gate_does_not_widen_the_field_and_products_are_counted() -> None:
    found = taken_apart(Gated(), 16)
    assert [(layer.kind, layer.field) for layer in found] == [("conv", 3), ("avg_pool", 16), ("conv", 16), ("conv", 5), ("product", 16)]
    assert (found[-1].name, found[-1].number, found[-1].flops) == ("", None, 2 * 4 * 4 * 16 * 16)


def test_a_layer_that_is_called_twice_has_its_parameters_once() -> None:
    shared = nn.Conv2d(3, 3, 3, padding=1)
    found = taken_apart(nn.Sequential(shared, nn.ReLU(), shared), 8)
    assert [(layer.number, layer.parameters, layer.field) for layer in found] == [(1, 84, 3), (1, 0, 5)]


class Normed(nn.Linear):
    """A layer that works on its weights before it uses them."""

    def forward(self, features: Tensor) -> Tensor:
        return functional.linear(features, functional.normalize(self.weight), self.bias)


def test_weights_that_are_worked_on_first_belong_to_their_layer() -> None:
    found = taken_apart(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4, 5), Normed(5, 6)), 3)
    assert [layer.parameters for layer in found] == [3 * 4 * 9 + 4, 4 * 5 + 5, 5 * 6 + 6]
