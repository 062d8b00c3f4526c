"""Which parameters are decayed, and that fused kernels and our own do what the plain ones do. The rest stands in test_reference."""

import copy

import pytest
import torch
from torch import Tensor, nn

from engine.config import KNOBS
from engine.config.model import ModelConfig
from engine.config.optimisation import FUSED, OptimisationConfig
from engine.models.building import build as build_model
from engine.training.adafactor import Adafactor
from engine.training.optimisers import OPTIMISERS, build, clip, gradient_norm, split, take_step
from tests.networks import FAMILY
from tests.training.short_runs import begin, digits, follow, settings


@FAMILY
def test_only_the_weights_of_convolutions_and_linear_layers_are_decayed(name: str) -> None:
    with torch.device("meta"):
        model = build_model(ModelConfig(architecture=name, width=0.125), 1, 10, 32)
    expected = {id(module.weight) for module in model.modules() if isinstance(module, nn.Conv2d | nn.Linear)}
    decayed, plain = split(model)
    assert {id(parameter) for parameter in decayed} == expected
    assert len(decayed) + len(plain) == len(list(model.parameters()))


def test_frozen_parameters_are_left_alone() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[0].requires_grad_(False)
    assert [len(group["params"]) for group in build(OptimisationConfig(), model).param_groups] == [1, 1]


def test_the_optimisers_are_those_of_the_knob() -> None:
    assert tuple(OPTIMISERS) == KNOBS["optimizer"].choices


@pytest.mark.parametrize("name", OPTIMISERS)
def test_one_kernel_is_taken_where_torch_has_it(name: str) -> None:
    config = OptimisationConfig.model_validate({"optimizer": name})
    asked = {fused: build(config, nn.Linear(2, 2), fused).param_groups[0].get("fused") for fused in (False, True)}
    assert not asked[False]
    assert bool(asked[True]) == (name in FUSED)


def without_gradients(layer: nn.Linear) -> tuple[Tensor, Tensor]:
    """Weight and bias as they are; the gradients of both are zero from now on."""
    for parameter in layer.parameters():
        parameter.grad = torch.zeros_like(parameter)
    return layer.weight.detach().clone(), layer.bias.detach().clone()


@pytest.mark.parametrize("name", OPTIMISERS)
def test_decoupled_decay_alone_shrinks_by_rate_times_decay(name: str) -> None:
    layer = nn.Linear(3, 2)
    weight, bias = without_gradients(layer)
    take_step(build(OptimisationConfig.model_validate({"optimizer": name, "weight_decay": 0.5}), layer), 0.1)
    torch.testing.assert_close(layer.weight.detach(), weight * (1 - 0.1 * 0.5))
    assert torch.equal(layer.bias, bias)


@pytest.mark.parametrize("name", OPTIMISERS)
def test_biases_and_norms_are_decayed_where_that_is_asked_but_never_by_l1(name: str) -> None:
    layer = nn.Linear(3, 2)
    _, bias = without_gradients(layer)
    config = OptimisationConfig.model_validate({"optimizer": name, "weight_decay": 0.5, "decay_all": "on", "l1": 0.1})
    take_step(build(config, layer), 0.1)
    torch.testing.assert_close(layer.bias.detach(), bias * (1 - 0.1 * 0.5))


@pytest.mark.parametrize("name", OPTIMISERS)
def test_fused_in_channels_last_learns_what_plain_learns(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    knobs = {"optimizer": name, "learning_rate": 1e-3, "weight_decay": 0.1, "l1": 1e-4, "epochs": 1}
    plain, fused = (begin(settings(precision=precision, **knobs), digits()) for precision in ("exact", "auto"))
    follow(plain)
    follow(fused)
    for mine, its in zip(fused.model.parameters(), plain.model.parameters(), strict=True):
        torch.testing.assert_close(mine, its, rtol=1e-2, atol=2e-4)


@pytest.mark.parametrize("rate", [0.3, 1e-2, 1e-5])
def test_adafactor_is_that_of_torch(rate: float) -> None:
    torch.manual_seed(0)
    ours = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4 * 36, 5))
    theirs = copy.deepcopy(ours)
    mine, its = (kind(model.parameters(), lr=rate) for kind, model in ((Adafactor, ours), (torch.optim.Adafactor, theirs)))
    for _ in range(30):
        pictures, labels = torch.randn(6, 3, 8, 8), torch.randint(5, (6,))
        for model, optimiser in ((ours, mine), (theirs, its)):
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(pictures), labels).backward()
            optimiser.step()
        for other, one in zip(theirs.parameters(), ours.parameters(), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)
            one.data.copy_(other.data)  # so that roundings do not add up
    slots = [{name: slot.shape for name, slot in state.items()} for state in mine.state.values()]
    assert slots == [{name: slot.shape for name, slot in state.items()} for state in its.state.values()]


@pytest.mark.parametrize("limit", [1e-3, 0.1, 1e3])
def test_clipping_is_that_of_torch(limit: float) -> None:
    layer = nn.Linear(30, 20)
    layer(torch.randn(5, 30)).square().sum().backward()
    optimiser = build(OptimisationConfig(), layer)
    expected = copy.deepcopy(layer)
    for parameter, its in zip(layer.parameters(), expected.parameters(), strict=True):
        assert parameter.grad is not None
        its.grad = parameter.grad.clone()
    norm = gradient_norm(optimiser)
    before = norm.clone()
    clip(optimiser, norm, limit)
    assert torch.equal(nn.utils.clip_grad_norm_(expected.parameters(), limit), before)
    assert torch.equal(norm, before)
    for parameter, its in zip(layer.parameters(), expected.parameters(), strict=True):
        assert parameter.grad is not None and its.grad is not None
        assert torch.equal(parameter.grad, its.grad)
