"""Blocks that are left out: each picture's alone, as often as asked, and never in evaluation."""

import pytest
import torch
from torch import nn

from engine.catalog import ARCHITECTURES
from engine.config.model import ModelConfig
from engine.models.building import build
from engine.models.resnet import Block
from engine.models.stochastic_depth import StochasticDepth, spread
from tests.networks import FAMILY


def layer(share: float) -> StochasticDepth:
    made = StochasticDepth().train()
    spread(made, share)
    return made


def test_a_picture_is_left_out_whole_or_grows_by_what_the_others_lose() -> None:
    torch.manual_seed(0)
    kept = layer(0.2)(torch.ones(5000, 2, 3, 3)).flatten(1)
    assert torch.equal(kept.amin(1), kept.amax(1))
    assert set(kept.unique().tolist()) == {0.0, 1.25}
    assert kept.mean().item() == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize(("share", "training"), [(0.0, True), (0.5, False)])
def test_nothing_is_left_out_or_drawn_when_it_is_off(share: float, training: bool) -> None:
    before, added = torch.get_rng_state(), torch.rand(4, 2, 3, 3)
    torch.set_rng_state(before)
    assert layer(share).train(training)(added) is added
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_type_and_layout_stay(kind: torch.dtype) -> None:
    added = torch.rand(4, 8, 5, 5).to(kind).to(memory_format=torch.channels_last)
    given = layer(0.5)(added)
    assert given.dtype == kind
    assert given.is_contiguous(memory_format=torch.channels_last)


def test_a_block_that_is_left_out_is_its_skip_alone() -> None:
    block = Block(4, 4, 1, ModelConfig()).train()
    spread(block, 0.5)
    torch.manual_seed(0)
    pictures = torch.rand(200, 4, 6, 6)
    alike = (block(pictures) == pictures).flatten(1).all(1)
    assert 60 < alike.sum() < 140


def blueprint(name: str, **knobs: float) -> nn.Module:
    """The narrow network without its numbers."""
    with torch.device("meta"):
        return build(ModelConfig.model_validate({"architecture": name, "width": 0.125, **knobs}), 3, 10, 32)


@FAMILY
def test_every_residual_block_has_its_part_and_no_other_network_has_one(name: str) -> None:
    shares = [module.p for module in blueprint(name, stochastic_depth=0.5).modules() if isinstance(module, StochasticDepth)]
    assert bool(shares) == ("stochastic_depth" in ARCHITECTURES[name].variants)
    assert shares == pytest.approx([0.5 * place / len(shares) for place in range(1, len(shares) + 1)])


@pytest.mark.parametrize(("name", "count"), [("resnet18", 8), ("resnet34", 16), ("mobilenet_v2", 10)])
def test_there_are_as_many_as_there_are_blocks(name: str, count: int) -> None:
    assert sum(isinstance(module, StochasticDepth) for module in blueprint(name, width=1.0).modules()) == count


@FAMILY
def test_batch_norm_has_the_asked_momentum_else_its_own(name: str) -> None:
    own, asked = (blueprint(name, norm_momentum=momentum) for momentum in (0.0, 0.03))
    momenta = [{module.momentum for module in model.modules() if isinstance(module, nn.BatchNorm2d)} for model in (own, asked)]
    assert bool(momenta[0]) == ARCHITECTURES[name].batch_norm
    if momenta[0]:
        assert momenta == [{0.4 if name == "speedrun" else 0.1}, {0.03}]
