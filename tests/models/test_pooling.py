"""Bilinear pooling: the sketch against the exact products, its error against the papers' law, its gradients, precision and determinism."""

import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from engine.models.pooling import BilinearPooling, CompactBilinearPooling, outer_product, signed_root, tensor_sketch, unit_length

SIZES = (512, 1024, 2048, 4096, 8192, 16384)
CHANNELS, PAIRS, DRAWS = 64, 8, 200
BOTH = pytest.mark.parametrize("pooling", [lambda: BilinearPooling(6), lambda: CompactBilinearPooling(6, 16)], ids=["full", "compact"])


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    torch.manual_seed(0)
    yield
    torch.use_deterministic_algorithms(False)


def hashes(channels: int, size: int) -> tuple[Tensor, Tensor]:
    drawn = CompactBilinearPooling(channels, size)
    return drawn.buckets, drawn.signs.double()


def test_the_full_products_are_the_mean_of_each_place() -> None:
    places = torch.randn(3, 4, 5)
    expected = torch.einsum("nip,njp->nij", places, places).flatten(1) / 5
    torch.testing.assert_close(outer_product(places), expected)


@pytest.mark.parametrize("size", [7, 16, 512])
def test_a_sketch_adds_each_signed_product_at_the_sum_of_its_buckets(size: int) -> None:
    places, (buckets, signs) = torch.randn(2, 5, 3, dtype=torch.float64), hashes(5, size)
    expected = torch.zeros(2, size, dtype=torch.float64)
    products = torch.einsum("nip,njp->nij", places, places) / 3
    for a in range(5):
        for b in range(5):
            expected[:, (buckets[0, a] + buckets[1, b]) % size] += signs[0, a] * signs[1, b] * products[:, a, b]
    torch.testing.assert_close(tensor_sketch(places, buckets, signs, size), expected)


def errors(size: int) -> Tensor:
    """By how much the sketches' inner products of a few pairs of vectors miss their squared ones: (draws, pairs), in |x|^2 |y|^2."""
    vectors = torch.randn(2, PAIRS, CHANNELS, dtype=torch.float64)
    vectors[1] += vectors[0]  # an angle of 45 degrees on average
    vectors /= vectors.norm(dim=2, keepdim=True)
    exact = (vectors[0] * vectors[1]).sum(1).square()
    found = []
    for _ in range(DRAWS):
        one, other = tensor_sketch(vectors.flatten(0, 1)[:, :, None], *hashes(CHANNELS, size), size).unflatten(0, (2, PAIRS))
        found.append((one * other).sum(1) - exact)
    return torch.stack(found)


@pytest.mark.slow
def test_the_error_of_the_kernel_shrinks_with_the_root_of_the_size() -> None:
    """Pham & Pagh 2013, section 4: unbiased, with a variance of at most 4 |x|^4 |y|^4 / size."""
    rms = []
    for size in SIZES:
        missed = errors(size)
        mean, spread = missed.mean(1).mean(), missed.mean(1).std()
        assert abs(mean) < 4 * spread / math.sqrt(DRAWS)
        rms.append(missed.square().mean().sqrt().item())
        assert rms[-1] < 2 / math.sqrt(size)
    slope, _ = np.polyfit(np.log(SIZES), np.log(rms), 1)
    print(f"slope {slope:.3f}, rms at {SIZES[0]} {rms[0]:.4f}, at {SIZES[-1]} {rms[-1]:.5f}")
    assert slope == pytest.approx(-0.5, abs=0.06)


def test_sketches_of_maps_compare_as_their_full_products_do() -> None:
    places = torch.rand(4, 32, 9, dtype=torch.float64)
    full = outer_product(places)
    sketched = torch.stack([tensor_sketch(places, *hashes(32, 8192), 8192) for _ in range(100)])
    found = torch.einsum("snd,smd->snm", sketched, sketched).mean(0)
    torch.testing.assert_close(found, full @ full.T, rtol=0.02, atol=0.0)


@BOTH
def test_gradients_are_right(pooling) -> None:
    maps = torch.randn(2, 6, 2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(pooling(), maps, eps=1e-8, atol=1e-4)


def test_the_gradient_of_the_root_is_right_and_finite_at_zero() -> None:
    values = torch.tensor([[0.0, 1e-9, -1e-7, 1e-3, -2.0, 50.0]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(signed_root, values, eps=1e-10, atol=1e-2)
    (slope,) = torch.autograd.grad(signed_root(values).sum(), values)
    assert slope.max() == slope[0, 0] == pytest.approx(1e-5**-0.5)
    assert torch.autograd.gradcheck(unit_length, torch.randn(3, 4, dtype=torch.float64, requires_grad=True))


def test_the_root_keeps_the_sign_and_misses_the_plain_one_by_little() -> None:
    values = torch.cat([torch.logspace(-9, 3, 1000), -torch.logspace(-9, 3, 1000), torch.zeros(1)])
    plain = values.sign() * values.abs().sqrt()
    assert (signed_root(values) - plain).abs().max() < 0.001
    assert torch.equal(signed_root(values).sign(), values.sign())


@BOTH
def test_rows_have_length_one_and_a_silent_map_has_a_finite_gradient(pooling) -> None:
    layer = pooling()
    torch.testing.assert_close(layer(torch.rand(3, 6, 4, 4)).norm(dim=1), torch.ones(3))
    silent = torch.zeros(2, 6, 4, 4, requires_grad=True)
    pooled = layer(silent)
    assert torch.equal(pooled, torch.zeros(2, layer.size))
    (pooled * torch.randn(2, layer.size)).sum().backward()
    assert silent.grad is not None and silent.grad.isfinite().all()


@BOTH
@pytest.mark.parametrize("scale", [1e-3, 1e-2, 0.1, 10.0, 1e3])
def test_the_scale_of_the_features_does_not_matter(pooling, scale: float) -> None:
    layer, maps, weights = pooling(), torch.relu(torch.randn(3, 6, 4, 4)), torch.randn(3, 1)
    near, far = maps.clone().requires_grad_(), (maps * scale).requires_grad_()
    torch.testing.assert_close(layer(far), layer(near), atol=1e-3, rtol=0.0)
    (slope,), (other,) = (torch.autograd.grad((layer(each) * weights).sum(), each) for each in (near, far))
    assert torch.linalg.vector_norm(other * scale - slope) < 0.01 * torch.linalg.vector_norm(slope)


@BOTH
@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_autocast_changes_nothing(pooling, scale: float) -> None:
    layer, maps = pooling(), torch.relu(torch.randn(2, 6, 4, 4)) * scale
    with torch.autocast("cpu", torch.bfloat16):
        lifted, halved = layer(maps), layer(maps.bfloat16())
    assert lifted.dtype == halved.dtype == torch.float32
    assert torch.equal(lifted, layer(maps))
    assert torch.equal(halved, layer(maps.bfloat16().float()))
    torch.testing.assert_close(halved, lifted, atol=0.01, rtol=0.0)


@BOTH
def test_the_same_pictures_give_the_same_bits(pooling) -> None:
    torch.use_deterministic_algorithms(True)
    layer, maps, weights = pooling(), torch.randn(4, 6, 5, 5), torch.randn(4, 1)

    def once() -> tuple[Tensor, Tensor]:
        given = maps.clone().requires_grad_()
        pooled = layer(given)
        (pooled * weights).sum().backward()
        assert given.grad is not None
        return pooled.detach(), given.grad

    assert all(torch.equal(one, again) for one, again in zip(once(), once(), strict=True))


def test_the_hashes_come_from_the_seed_and_lie_beside_the_weights() -> None:
    def drawn(seed: int) -> nn.Module:
        torch.manual_seed(seed)
        return CompactBilinearPooling(100, 512)

    one, same, other = drawn(1), drawn(1), drawn(2)
    assert set(one.state_dict()) == {"buckets", "signs"}
    assert all(torch.equal(one.state_dict()[name], same.state_dict()[name]) for name in one.state_dict())
    maps = torch.rand(2, 100, 3, 3)
    assert not torch.equal(one(maps), other(maps))
    other.load_state_dict(one.state_dict())
    assert torch.equal(one(maps), other(maps))
    assert set(one.state_dict()["signs"].unique().tolist()) == {-1.0, 1.0}
    assert one.state_dict()["buckets"].max() > 400
