"""A dataset that stays on the disk: real memory maps, windows of a few pictures, and Resident as the measure."""

import gc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.data import blocks
from engine.data.blocks import Blocks, shuffled
from engine.data.dataset import Dataset
from engine.data.resident import Resident
from engine.data.split import Split

COUNT, SIZE = 1200, 3 * 8 * 8
# Pictures in a window of these tests.
WINDOW = 256


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Noise on the disk, opened as the cache opens it."""
    np.save(tmp_path / "images.npy", np.random.default_rng(0).integers(0, 256, (COUNT, 3, 8, 8), dtype=np.uint8))
    images, places = np.load(tmp_path / "images.npy", mmap_mode="c"), np.arange(COUNT)
    return Dataset("noise", images, places % 4, ("a", "b", "c", "d"), np.zeros(COUNT, dtype=bool), places.astype(np.uint64), ())


@pytest.fixture
def parts() -> Split:
    """Every sixth picture is for validation, so that the training part has gaps."""
    places = np.arange(COUNT)
    return Split(places[places % 6 != 0], places[places % 12 == 0], places[places % 12 == 6])


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "WINDOW", WINDOW * SIZE)


@pytest.fixture
def both(small: None, dataset: Dataset, parts: Split) -> tuple[Blocks, Resident]:
    return Blocks.load(dataset, parts, "cpu"), Resident.load(dataset, parts, "cpu")


def held_pictures() -> dict[int, int]:
    """Where pictures lie in this process's memory, whoever's they are, and how many bytes of them."""
    found = [thing for thing in gc.get_objects() if type(thing) is Tensor and thing.dtype == torch.uint8 and thing.ndim == 4]
    return {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in found}


def test_pictures_stay_in_the_file_and_all_else_is_that_of_resident(both: tuple[Blocks, Resident], dataset: Dataset) -> None:
    data, whole = both
    assert data.images.data_ptr() == dataset.images.ctypes.data
    assert (data.fingerprint(), data.channels, data.classes) == (whole.fingerprint(), whole.channels, whole.classes)
    for name in ("labels", "train", "validation", "test", "probe", "mean", "std"):
        assert torch.equal(getattr(data, name), getattr(whole, name)), name


def test_an_order_has_every_training_picture_once(both: tuple[Blocks, Resident]) -> None:
    data, _ = both
    for seed in range(5):
        assert torch.equal(data.order(seed).sort().values, data.train)


def test_an_order_is_decided_by_its_seed(both: tuple[Blocks, Resident], dataset: Dataset, parts: Split) -> None:
    first, other, again = both[0].order(2**63 - 1), both[0].order(1), both[0].order(2**63 - 1)
    assert torch.equal(first, again)
    assert torch.equal(first, Blocks.load(dataset, parts, "cpu").order(2**63 - 1))
    assert not torch.equal(first, other)


def test_a_window_holds_whole_blocks_from_all_over_in_no_order(both: tuple[Blocks, Resident], parts: Split) -> None:
    windows = shuffled(parts.train, 0, SIZE)
    assert [len(window) for window in windows[:-1]] == [WINDOW] * (len(windows) - 1)
    assert len(windows) == 4
    block_of = np.searchsorted(parts.train, np.arange(COUNT)) // blocks.BLOCK
    for window in windows:
        counts = np.bincount(block_of[window])
        assert set(counts[counts > 0]) <= {blocks.BLOCK, len(parts.train) % blocks.BLOCK}
        assert np.ptp(window) > COUNT // 2
        assert (np.diff(window) == 1).mean() < 0.05


def test_one_window_is_the_full_shuffle_of_resident(dataset: Dataset, parts: Split) -> None:
    data, whole = Blocks.load(dataset, parts, "cpu"), Resident.load(dataset, parts, "cpu")
    assert torch.equal(data.order(7), whole.order(7))


@pytest.mark.parametrize("batch", [1, 37, 256, 700])
def test_batches_of_an_order_are_those_of_resident(both: tuple[Blocks, Resident], batch: int) -> None:
    data, whole = both
    for indices in data.order(3).split(batch):
        assert torch.equal(data.pictures(indices), whole.pictures(indices))


def test_other_pictures_come_in_the_order_asked_for(both: tuple[Blocks, Resident]) -> None:
    data, whole = both
    order = data.order(0)
    asked = [data.validation, data.probe, data.test.flip(0), order[5:6].clone(), order[::7], torch.tensor([9, 9, 2]), order[:0], order[3:3]]
    for indices in asked:
        assert torch.equal(data.pictures(indices), whole.pictures(indices))


def test_an_old_order_is_still_served(both: tuple[Blocks, Resident]) -> None:
    data, whole = both
    old = data.order(0)
    assert torch.equal(data.pictures(old[:50]), whole.pictures(old[:50]))
    new = data.order(1)
    for indices in (new[:50], old[40:90], new[900:950], new[250:262], new[40:90]):
        assert torch.equal(data.pictures(indices), whole.pictures(indices))


@pytest.mark.slow
def test_two_windows_are_held_at_most(both: tuple[Blocks, Resident]) -> None:
    data, held, others = both[0], [], held_pictures()
    for seed in range(2):
        for indices in data.order(seed).split(200):
            data.pictures(indices)
            held.append(sum(size for place, size in held_pictures().items() if place not in others))
    assert WINDOW * SIZE < max(held) <= 2 * WINDOW * SIZE


def test_a_batch_cannot_be_changed_behind_the_next(both: tuple[Blocks, Resident]) -> None:
    data, whole = both
    batch = data.order(0)[:20]
    data.pictures(batch).zero_()
    assert torch.equal(data.pictures(batch), whole.pictures(batch))


def test_a_window_is_read_once_an_epoch_though_the_order_is_asked_for_again(
    both: tuple[Blocks, Resident], monkeypatch: pytest.MonkeyPatch
) -> None:
    data, asked, real = both[0], list[int](), blocks.read

    def counted(images: np.ndarray, indices: np.ndarray, pinned: bool = False) -> Tensor:
        asked.append(len(indices))
        return real(images, indices, pinned)

    monkeypatch.setattr(blocks, "read", counted)
    for indices in data.order(0).split(30):
        data.pictures(indices)
        data.order(0)
    assert asked == [WINDOW] * 3 + [1000 - 3 * WINDOW]


def test_threads_may_ask_for_anything_at_once(both: tuple[Blocks, Resident]) -> None:
    data, whole = both
    order = data.order(0)
    places = np.random.default_rng(0).integers(0, len(order) - 60, 200).tolist()
    asked: list[Callable[[int], Tensor]] = [lambda at: order[at : at + 60], lambda at: data.validation[at % 40 :]]

    def right(number: int) -> bool:
        with torch.inference_mode():
            indices = asked[number % 2](places[number])
            return torch.equal(data.pictures(indices), whole.pictures(indices))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(right, range(len(places))))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_on_cuda_batches_are_the_same_and_wait_for_nothing(both: tuple[Blocks, Resident], dataset: Dataset, parts: Split) -> None:
    data, whole = Blocks.load(dataset, parts, "cuda"), both[1]
    assert not data.images.is_cuda
    batches = data.order(3).split(100)
    torch.cuda.set_sync_debug_mode("error")
    try:
        pictures = [data.pictures(indices) for indices in batches]
    finally:
        torch.cuda.set_sync_debug_mode("default")
    for indices, found in zip(batches, pictures, strict=True):
        assert found.is_cuda and torch.equal(found.cpu(), whole.pictures(indices.cpu()))
    assert torch.equal(data.pictures(data.validation).cpu(), whole.pictures(whole.validation))
