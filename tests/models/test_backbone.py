"""Every architecture of the catalog says where its last map is, and learns with its head replaced by bilinear pooling."""

import dataclasses

import pytest
import torch
from torch import nn
from torch.nn import functional

from engine.catalog import ARCHITECTURES
from engine.config import RunConfig
from engine.config.model import MOST_PRODUCTS, ModelConfig
from engine.errors import BadKnob, DataError
from engine.models.backbone import PREFIX, Pooled, last_map, map_shape
from engine.models.building import build
from engine.models.dropout import DroppedLinear
from engine.models.transfer import Donor, give
from engine.training.facts import facts
from engine.training.footprint import require_room
from tests.networks import FAMILIES, fast

MAPPED = [name for name, facts in ARCHITECTURES.items() if facts.map_channels]
POOLABLE = fast([name for name in FAMILIES if name in MAPPED], among=MAPPED)
NARROW = 0.125
COMPACT = {"pooling": "compact_bilinear", "pooling_size": 512}


def network(name: str, resolution: int, channels: int = 1, classes: int = 7, **knobs: object) -> nn.Module:
    return build(ModelConfig.model_validate({"architecture": name, **knobs}), channels, classes, resolution)


@pytest.mark.slow
@POOLABLE
def test_the_last_map_has_the_channels_that_the_catalog_says(name: str) -> None:
    with torch.device("meta"):
        usual = network(name, 64, channels=3)
        maps = last_map(usual.eval(), torch.empty(2, 3, 64, 64))
    assert maps.ndim == 4
    assert maps.shape[1] == ARCHITECTURES[name].map_channels == map_shape(usual, 3, 64)[0]


@pytest.mark.slow
@POOLABLE
@pytest.mark.parametrize("knobs", [COMPACT, {"pooling": "bilinear"}], ids=["compact", "full"])
def test_learns_with_its_head_replaced(name: str, knobs: dict[str, object]) -> None:
    smallest = ARCHITECTURES[name].smallest
    pooled = network(name, smallest, width=NARROW, **knobs)
    logits = pooled(torch.rand(4, 1, smallest, smallest))
    functional.cross_entropy(logits, torch.tensor([0, 1, 2, 6])).backward()
    assert logits.shape == (4, 7)
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in pooled.parameters())
    assert [type(layer) for layer in pooled.children() if isinstance(layer, nn.Linear)] == [DroppedLinear]


@POOLABLE
def test_backbones_keep_their_names_and_weights(name: str) -> None:
    usual, pooled = (_seeded(name, **knobs) for knobs in ({}, COMPACT))
    kept = {key.removeprefix(PREFIX): tensor for key, tensor in pooled.items() if key.startswith(PREFIX)}
    assert kept
    assert all(torch.equal(tensor, usual[key]) for key, tensor in kept.items())


@pytest.mark.parametrize("name", ["densenet121", "mobilenet_v2", "resnet18"])
def test_the_last_map_is_what_the_networks_own_head_takes_the_mean_of(name: str) -> None:
    usual, pictures = network(name, 32, width=NARROW).eval(), torch.rand(2, 1, 32, 32)
    head = usual.fc if name == "resnet18" else usual.classifier
    maps = last_map(usual, pictures)
    assert maps.min() >= 0
    torch.testing.assert_close(head(maps.mean((2, 3))), usual(pictures))  # type: ignore[operator]


def test_the_last_map_of_a_convnext_is_normalised_by_the_norm_of_its_head() -> None:
    usual, pictures = network("convnext_tiny", 32, width=NARROW), torch.rand(2, 1, 32, 32)
    norm = usual.get_submodule("classifier.0")
    nn.init.uniform_(norm.get_parameter("weight"), 1, 2)
    torch.testing.assert_close(last_map(usual, pictures), norm(usual.get_submodule("features")(pictures)))
    pooled = network("convnext_tiny", 32, width=NARROW, **COMPACT)
    assert {name for name in pooled.state_dict() if "classifier" in name} == {f"{PREFIX}classifier.0.{part}" for part in ("weight", "bias")}
    found = give(Donor(usual.state_dict(), (0.5,), (0.2,), None, {}), pooled, tuple("abcdefg"))
    assert set(found.left) == {"pooling.buckets", "pooling.signs", "fc.weight", "fc.bias"}
    assert torch.equal(pooled.get_parameter(f"{PREFIX}classifier.0.weight"), norm.get_parameter("weight"))
    torch.testing.assert_close(last_map(pooled.get_submodule("backbone"), pictures), last_map(usual, pictures))


def _seeded(name: str, **knobs: object) -> dict[str, torch.Tensor]:
    torch.manual_seed(3)
    return network(name, 32, width=NARROW, **knobs).state_dict()


def test_looking_for_the_map_leaves_the_network_as_it_was() -> None:
    usual = network("resnet18", 32, width=NARROW)
    before = {name: tensor.clone() for name, tensor in usual.state_dict().items()}
    assert map_shape(usual, 1, 32) == (64, 16)
    assert usual.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in usual.state_dict().items())


def test_the_size_is_that_of_the_knob_and_dropout_is_obeyed() -> None:
    for size in (512, 2048):
        pooled = network("resnet18", 16, width=NARROW, pooling="compact_bilinear", pooling_size=size, dropout=0.35)
        assert isinstance(pooled, Pooled)
        assert (pooled.fc.in_features, pooled.fc.dropout.p) == (size, 0.35)
    full = network("resnet18", 16, width=NARROW, pooling="bilinear")
    assert isinstance(full, Pooled) and full.fc.in_features == 64**2


def test_the_three_poolings_answer_differently() -> None:
    pictures, answers = torch.rand(2, 1, 32, 32), []
    for pooling in ("usual", "bilinear", "compact_bilinear"):
        torch.manual_seed(0)
        answers.append(network("vgg11_bn", 32, width=NARROW, pooling=pooling).eval()(pictures))
    assert not any(torch.allclose(answers[a], answers[b]) for a, b in ((0, 1), (0, 2), (1, 2)))


def test_facts_count_the_last_layer_and_shapes_alone_are_needed() -> None:
    usual, full = (facts(RunConfig.from_flat({"architecture": "resnet18", "pooling": pooling}), 3, 10) for pooling in ("usual", "bilinear"))
    assert full.parameters - usual.parameters == (512**2 - 512) * 10
    assert full.flops > usual.flops


@pytest.mark.parametrize(("architecture", "width"), [("mobilenet_v2", 1.5), ("resnet18", 4.0), ("vgg11", 3.0)])
def test_more_products_than_fit_are_refused(architecture: str, width: float) -> None:
    with pytest.raises(BadKnob) as refused:
        RunConfig.from_flat({"architecture": architecture, "width": width, "pooling": "bilinear"})
    assert refused.value.fields["knob"] == "pooling"
    assert f"{MOST_PRODUCTS:,}" in str(refused.value)
    RunConfig.from_flat({"architecture": architecture, "width": width, "pooling": "compact_bilinear"})


def test_a_network_without_a_map_is_pooled_as_usual_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ARCHITECTURES, "vgg11", dataclasses.replace(ARCHITECTURES["vgg11"], map_channels=0))
    RunConfig.from_flat({"architecture": "vgg11"})
    with pytest.raises(BadKnob, match="no map of features"):
        RunConfig.from_flat({"architecture": "vgg11", "pooling": "compact_bilinear"})


def test_a_last_layer_that_memory_cannot_hold_is_refused_before_it_is_built() -> None:
    config = RunConfig.from_flat({"architecture": "mobilenet_v2", "pooling": "bilinear"})
    needed = 2 * 4 * 1280**2 * 200
    require_room(config, 200, needed)
    with pytest.raises(DataError, match="compact bilinear"):
        require_room(config, 200, needed - 1)
    require_room(config.changed(pooling="compact_bilinear"), 200, 0)
