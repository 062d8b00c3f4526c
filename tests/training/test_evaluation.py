"""How many pictures a network is shown at a time where it does not learn, and that the answers do not depend on it."""

from dataclasses import replace
from threading import Barrier

import pytest
import torch
from torch import Tensor, nn

from engine.config import RunConfig
from engine.models.building import build
from engine.models.freezing import tail
from engine.models.layers import count
from engine.training import evaluation
from engine.training.evaluation import at_once, chunk_size, evaluate
from engine.training.features import Features
from engine.training.numerics import choose
from tests.training.short_runs import digits, network, settings


def shapes_only(**knobs: object) -> nn.Module:
    config = RunConfig.from_flat({"architecture": "resnet18", "resolution": 32, **knobs})
    with torch.device("meta"):
        return build(config.model, 3, 10, config.data.resolution)


def seen(network: nn.Module) -> list[int]:
    """Filled with the size of every batch that the network is shown from now on."""
    sizes: list[int] = []
    network.register_forward_pre_hook(lambda _module, given: sizes.append(len(given[0])))
    return sizes


@pytest.mark.parametrize(("device", "plain", "full", "compact"), [("cpu", 256, 64, 128), ("cuda", 1024, 256, 512)])
def test_a_chunk_has_no_more_products_than_it_may(device: str, plain: int, full: int, compact: int) -> None:
    """512 channels make 2^18 products, of any map; the sketch of 8,192 numbers is made at each of its 4 x 4 places."""
    networks = shapes_only(), shapes_only(pooling="bilinear"), shapes_only(pooling="compact_bilinear")
    assert [chunk_size(device, each, 32**2) for each in networks] == [plain, full, compact]
    assert chunk_size(device, shapes_only(pooling="bilinear", width=2.0), 32**2) == full // 4
    assert chunk_size(device, networks[0], 2**30) == chunk_size(device, networks[1], 2**30) == 1


def test_one_picture_of_very_many_products_is_a_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "CPU_PRODUCTS", 1)
    assert chunk_size("cpu", shapes_only(pooling="bilinear"), 32**2) == 1


def test_evaluation_and_features_keep_to_it_and_answer_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    config, data = settings(architecture="resnet18", width=0.125, pooling="bilinear", plan="last"), digits()
    model, numerics = network(config), choose(config, cores=1)
    whole = evaluate(model, data, data.validation, numerics)
    monkeypatch.setattr(evaluation, "CPU_PRODUCTS", 7 * 64**2)
    sizes = seen(model)
    parts = evaluate(model, data, data.validation, numerics)
    assert sizes == [7] * 8 + [4]
    torch.testing.assert_close(parts.loss, whole.loss)
    end = tail(model, count(model) - 1)
    assert end is not None
    assert max(filled(Features(model, end, data, numerics), sizes)) == 7


@pytest.mark.parametrize(("images", "held"), [(5, 5), (7, 7), (13, 7), (14, 14), (20, 14), (21, 21), (60, 21)])
def test_of_every_share_a_chunk_is_held_at_once(images: int, held: int) -> None:
    assert at_once(images, chunk=7, replicas=3) == held


def test_chunks_are_evaluated_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of the three gets past the barrier before all are there."""
    monkeypatch.setattr(evaluation, "CPU_CHUNK", 7 * 16**2)
    config, data = settings(), digits()
    model, barrier = network(config), Barrier(3)
    sizes = seen(model)
    model.register_forward_pre_hook(lambda _module, _given: (barrier.wait(60.0), None)[1])
    evaluate(model, data, data.validation[:21], replace(choose(config, cores=1), replicas=3))
    assert sizes == [7, 7, 7]
    assert at_once(21, 7, 3) == sum(sizes)


def filled(features: Features, sizes: list[int]) -> list[int]:
    sizes.clear()
    list(features.fill())
    return sizes


def test_features_that_are_evaluated_count_by_themselves() -> None:
    """A last layer alone makes no products: what it reads are those."""
    assert chunk_size("cpu", nn.Linear(2**18, 10), 2**18) == 1
    one: Tensor = torch.zeros(1, 2**10)
    assert chunk_size("cpu", nn.Linear(2**10, 10), one.numel()) == 256
