"""How weights begin: the moments that each rule promises, in every architecture, and that the default draws nothing anew."""

import math
from collections.abc import Iterator
from functools import cache

import pytest
import torch
from torch import nn

from engine.config import KNOBS
from engine.config.model import ModelConfig
from engine.models.building import BUILDERS, build
from engine.models.convolutions import Depthwise
from engine.models.initialisation import INITIALISATIONS, initialise
from tests.models.test_building import NARROW
from tests.networks import FAMILY, fast

RULES = pytest.mark.parametrize("rule", INITIALISATIONS)
# Plain and residual, depthwise, and layer norm.
FOUR = fast(["vgg11_bn", "resnet50", "mobilenet_v3_small", "convnext_tiny"])


@cache
def drawn(name: str, rule: str) -> nn.Module:
    """The same one for all who ask; it is only looked at, in evaluation."""
    torch.manual_seed(1)
    return build(ModelConfig.model_validate({"architecture": name, "width": NARROW, "initialisation": rule}), 3, 5, 32).eval()


def weights(model: nn.Module) -> Iterator[tuple[nn.Conv2d | nn.Linear, torch.Tensor]]:
    """Each layer with its weights, (groups, outputs, inputs)."""
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            groups = layer.groups if isinstance(layer, nn.Conv2d) else 1
            yield layer, layer.weight.detach().reshape(groups, len(layer.weight) // groups, -1)


def test_the_rules_are_those_of_the_knob() -> None:
    assert ["default", *INITIALISATIONS] == list(KNOBS["initialisation"].choices)


@FAMILY
def test_the_default_leaves_the_network_and_the_chance_as_they_were(name: str) -> None:
    config = ModelConfig(architecture=name, width=NARROW)
    torch.manual_seed(1)
    plain, after = BUILDERS[name](config, 3, 5, 32).state_dict(), torch.rand(3)
    torch.manual_seed(1)
    built, then = build(config, 3, 5, 32).state_dict(), torch.rand(3)
    assert torch.equal(after, then)
    assert list(plain) == list(built)
    assert all(torch.equal(plain[key], built[key]) for key in plain | built)


@FOUR
@RULES
def test_a_rule_draws_every_weight_anew_and_answers_are_finite(name: str, rule: str) -> None:
    other, own = dict(drawn(name, rule).named_parameters()), dict(drawn(name, "default").named_parameters())
    assert not [key for key in own if own[key].ndim in (2, 4) and torch.equal(own[key], other[key])]
    assert drawn(name, rule)(torch.randn(2, 3, 32, 32)).isfinite().all()


@FOUR
@RULES
def test_weights_are_as_large_as_the_rule_says(name: str, rule: str) -> None:
    *inner, head = weights(drawn(name, rule))
    sizes = [(*head, 1.0), *((*each, 1.0 if isinstance(each[0], Depthwise) else 2.0) for each in inner)]
    squares, expected = 0.0, 0.0
    for layer, weight, gain in sizes:
        _, outputs, inputs = weight.shape
        seen_by = outputs * (layer.weight[0, 0].numel() if isinstance(layer, nn.Conv2d) else 1)
        variance = {"kaiming": gain / inputs, "xavier": 2 / (inputs + seen_by), "orthogonal": gain / max(inputs, outputs)}[rule]
        squares += (weight.square() / variance).sum().item()
        expected += weight.numel()
    assert squares / expected == pytest.approx(1.0, abs=5 * math.sqrt(2 / expected))


@pytest.mark.parametrize("groups", [1, 4, 16])
@pytest.mark.parametrize("kernel", [1, 3])
def test_an_orthogonal_layer_is_a_rotation_in_each_group(groups: int, kernel: int) -> None:
    layer = nn.Sequential(nn.Conv2d(16, 32, kernel, groups=groups), nn.Linear(3, 3))
    initialise(layer, "orthogonal")
    ((_, filters), _) = weights(layer)
    if filters.shape[1] > filters.shape[2]:
        filters = filters.mT
    torch.testing.assert_close(filters @ filters.mT, 2 * torch.eye(filters.shape[1]).expand(groups, -1, -1), atol=1e-5, rtol=0.0)


@RULES
def test_biases_begin_at_zero_and_norms_at_one(rule: str) -> None:
    for name in ("vgg11_bn", "resnet50", "convnext_tiny"):
        for module in drawn(name, rule).modules():
            if isinstance(module, nn.Conv2d | nn.Linear | nn.BatchNorm2d | nn.LayerNorm) and module.bias is not None:
                assert not module.bias.any()
            if isinstance(module, nn.BatchNorm2d | nn.LayerNorm):
                assert module.weight.eq(1).all()


def test_behind_relus_xavier_shrinks_the_signal_and_the_others_do_not() -> None:
    """Sixteen layers of as many inputs as outputs, of which each halves the squares."""
    left = {}
    for rule in INITIALISATIONS:
        torch.manual_seed(0)
        model = nn.Sequential(*(layer for _ in range(16) for layer in (nn.Linear(256, 256), nn.ReLU())), nn.Linear(256, 256))
        initialise(model, rule)
        left[rule] = model(torch.randn(64, 256)).square().mean().sqrt().item()
    assert left["kaiming"] == pytest.approx(1.0, rel=0.5)
    assert left["orthogonal"] == pytest.approx(1.0, rel=0.5)
    assert left["xavier"] == pytest.approx(2**-8, rel=0.5)


@FOUR
def test_on_paper_it_takes_no_numbers(name: str) -> None:
    with torch.device("meta"):
        for rule in INITIALISATIONS:
            build(ModelConfig.model_validate({"architecture": name, "width": NARROW, "initialisation": rule}), 1, 10, 32)
