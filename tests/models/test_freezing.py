"""Who learns and how fast, over every network of the catalog: a block and what it holds itself go together."""

import copy
from collections.abc import Iterator

import pytest
import torch
from torch import nn

from engine.catalog import ARCHITECTURES
from engine.config.model import ModelConfig
from engine.models import freezing
from engine.models.building import build
from engine.models.layers import WEIGHTED, count

ALL = pytest.mark.parametrize("name", ARCHITECTURES)
POOLINGS = pytest.mark.parametrize("pooling", ["usual", "compact_bilinear"])


def network(name: str, pooling: str = "usual") -> nn.Module:
    with torch.device("meta"):
        return build(ModelConfig.model_validate({"architecture": name, "pooling": pooling}), 3, 10, 64)


def holders(model: nn.Module) -> Iterator[tuple[list[nn.Parameter], list[nn.Parameter]]]:
    """Of every module with layers in it the parameters that it holds itself, and the weights of those layers.

    Without what a network says stands before its first layer.
    """
    for module in model.modules():
        inside = [layer.weight for layer in module.modules() if isinstance(layer, WEIGHTED) and layer is not module]
        held = list(module.parameters(recurse=False))
        if inside and held and not hasattr(module, "HOLDS_FIRST"):
            yield held, inside


@ALL
@POOLINGS
def test_nothing_that_a_block_holds_is_frozen_while_a_layer_in_it_learns(name: str, pooling: str) -> None:
    model = network(name, pooling)
    for frozen in range(count(model)):
        freezing.freeze(model, frozen)
        for held, inside in holders(model):
            learns = any(weight.requires_grad for weight in inside)
            assert [each.requires_grad for each in held] == [learns] * len(held), f"behind {frozen} frozen layers"


@ALL
@POOLINGS
def test_what_a_block_holds_learns_as_fast_as_its_last_layer(name: str, pooling: str) -> None:
    model = network(name, pooling)
    for frozen in (0, 3):
        found = freezing.shares(model, frozen, first=0.01)
        assert set(found) == set(model.parameters())
        for held, inside in holders(model):
            assert [found[each] for each in held] == [max(found[weight] for weight in inside)] * len(held)


def test_the_scale_of_a_convnexts_block_is_held_by_the_block() -> None:
    assert len(list(holders(network("convnext_tiny")))) == 18


@pytest.mark.parametrize("name", ["densenet121", "convnext_tiny", "speedrun"])
def test_behind_bilinear_pooling_the_last_layer_can_be_asked_alone(name: str) -> None:
    torch.manual_seed(0)
    knobs = {"architecture": name, "width": 0.125, "pooling": "compact_bilinear", "pooling_size": 512}
    model = copy.deepcopy(build(ModelConfig.model_validate(knobs), 1, 7, 32)).eval()
    end, pictures = freezing.tail(model, count(model) - 1), torch.rand(4, 1, 32, 32)
    assert end is not None
    assert torch.equal(end(freezing.until(model, end)(pictures)), model(pictures))


@POOLINGS
def test_what_stands_before_the_first_layer_is_frozen_with_it(pooling: str) -> None:
    model = network("speedrun", pooling)
    bias = next(parameter for name, parameter in model.named_parameters() if name.endswith("bias") and "norm" not in name)
    freezing.freeze(model, 0)
    assert bias.requires_grad
    freezing.freeze(model, 1)
    assert not bias.requires_grad
    assert freezing.shares(model, 0, first=0.01)[bias] == 0.01
