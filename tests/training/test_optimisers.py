"""Which parameters are decayed, and that the fused kernels do what the plain ones do. The rest stands in test_reference."""

import pytest
import torch
from torch import nn

from engine.catalog import ARCHITECTURES
from engine.config.model import ModelConfig
from engine.config.optimisation import OptimisationConfig
from engine.models.building import build as build_model
from engine.training.optimisers import OPTIMISERS, build, split, take_step
from tests.training.short_runs import begin, digits, follow, settings


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_only_the_weights_of_convolutions_and_linear_layers_are_decayed(name: str) -> None:
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
    assert list(OPTIMISERS) == ["sgd", "adam", "adamw", "rmsprop"]


@pytest.mark.parametrize("name", OPTIMISERS)
def test_decoupled_decay_alone_shrinks_by_rate_times_decay(name: str) -> None:
    layer = nn.Linear(3, 2)
    weight, bias = layer.weight.detach().clone(), layer.bias.detach().clone()
    optimiser = build(OptimisationConfig.model_validate({"optimizer": name, "weight_decay": 0.5}), layer)
    for parameter in layer.parameters():
        parameter.grad = torch.zeros_like(parameter)
    take_step(optimiser, 0.1)
    torch.testing.assert_close(layer.weight.detach(), weight * (1 - 0.1 * 0.5))
    assert torch.equal(layer.bias, bias)


@pytest.mark.parametrize("name", OPTIMISERS)
def test_fused_in_channels_last_learns_what_plain_learns(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    knobs = {"optimizer": name, "learning_rate": 1e-3, "weight_decay": 0.1, "l1": 1e-4, "epochs": 1}
    plain, fused = (begin(settings(precision=precision, **knobs), digits()) for precision in ("exact", "auto"))
    follow(plain)
    follow(fused)
    for mine, its in zip(fused.model.parameters(), plain.model.parameters(), strict=True):
        torch.testing.assert_close(mine, its, rtol=1e-2, atol=2e-4)
