"""Mean and deviation from kept sums: bit for bit what summing the pictures themselves gives, without reading them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.data.blocks import Blocks
from engine.data.loading import load
from engine.data.resident import Resident
from engine.data.split import Split, split


def summed(images: np.ndarray, chosen: np.ndarray) -> list[Tensor]:
    """Mean and deviation from the pictures, summed in whole numbers."""
    pixels = torch.from_numpy(images[chosen]).int()
    count = len(chosen) * images.shape[2] * images.shape[3]
    mean = pixels.sum((0, 2, 3), dtype=torch.int64).double() / count / 255
    variance = pixels.square().sum((0, 2, 3), dtype=torch.int64).double() / count / 255**2 - mean**2
    return [moment.float().view(1, -1, 1, 1) for moment in (mean, variance.clamp(min=0).sqrt().clamp(min=1e-3))]


@pytest.fixture
def mixed(make_tree, picture_file, tmp_path, config):
    """More grey pictures than are decoded at a time before the first colour one."""
    root = make_tree({"pets/cat": 70, "pets/dog": 40}, grey=True)
    for index in range(5):
        picture_file(root / "pets" / "dog" / f"z{index}.png", 5000 + index)
    return load(config(resolution=16), [root], tmp_path / "cache")


@pytest.mark.parametrize("kind", [Resident, Blocks])
@pytest.mark.parametrize("share", [0.3, 1.0])
def test_a_split_has_the_very_mean_and_deviation_of_its_pictures(mixed, config, kind, share):
    assert mixed.images.shape[1] == 3 and mixed.sums.shape == (115, 2, 3)
    parts = split(mixed, config(train_share=share))
    data, (mean, std) = kind.load(mixed, parts, "cpu"), summed(mixed.images, parts.train)
    assert torch.equal(data.mean, mean) and torch.equal(data.std, std)


def test_no_picture_is_read_for_them(mixed, config):
    parts = split(mixed, config())
    black = replace(mixed, images=np.zeros_like(mixed.images))
    assert torch.equal(Resident.load(black, parts, "cpu").mean, summed(mixed.images, parts.train)[0])


def test_pictures_of_which_no_sums_are_kept_are_summed_now(mixed, config):
    parts = split(mixed, config())
    for chosen in (parts.train, parts.train[:1]):
        data = Resident.load(replace(mixed, sums=None), Split(chosen, parts.validation, parts.test), "cpu")
        assert torch.equal(data.std, summed(mixed.images, chosen)[1])
