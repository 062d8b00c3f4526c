"""The dataset on a device: batches, order, probe and the numbers to normalise with."""

import numpy as np
import pytest
import torch

from engine.config.data import DataConfig
from engine.data.loading import load
from engine.data.pixels import unit
from engine.data.resident import Resident, probe_of
from engine.data.split import Split, split


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return load(DataConfig(resolution=8), [], tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def resident(digits):
    return Resident.load(digits, split(digits, DataConfig()), "cpu")


def test_mean_and_deviation_are_those_of_the_training_pictures(digits, resident):
    train = digits.images[resident.train.numpy()] / 255
    assert resident.mean.shape == resident.std.shape == (1, 1, 1, 1)
    np.testing.assert_allclose([resident.mean.item(), resident.std.item()], [train.mean(), train.std()], rtol=1e-6)


def test_a_constant_picture_does_not_divide_by_zero(dataset_of):
    dataset = dataset_of([0, 0, 0, 0])
    parts = Split(np.arange(2), np.array([2]), np.array([3]))
    assert Resident.load(dataset, parts, "cpu").std.item() == pytest.approx(1e-3)


def test_pictures_are_bytes_and_normalise_to_mean_zero(digits, resident):
    pictures = resident.pictures(resident.train)
    assert pictures.dtype == torch.uint8 and pictures.shape == (len(resident.train), 1, 8, 8)
    assert torch.equal(pictures, torch.from_numpy(digits.images)[resident.train])
    assert torch.equal(resident.normalise(pictures), resident.normalise(unit(pictures)))
    normal = resident.normalise(pictures)
    assert abs(normal.mean().item()) < 1e-4 and abs(normal.std().item() - 1) < 1e-4


def test_order_is_a_permutation_of_train_decided_by_the_seed(resident):
    first, again, other = (resident.order(seed) for seed in (1, 1, 2))
    assert torch.equal(first.sort().values, resident.train)
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_the_probe_is_a_part_of_train_mixed_like_it_and_no_larger_than_validation(digits, resident):
    counts, whole = (torch.bincount(resident.labels[part]) for part in (resident.probe, resident.train))
    assert len(resident.probe) == len(resident.validation) == 306
    assert (counts - whole * 306 / len(resident.train)).abs().max() < 1
    assert set(resident.probe.tolist()) <= set(resident.train.tolist())
    assert torch.equal(resident.probe, torch.from_numpy(probe_of(digits, split(digits, DataConfig()))))


def test_a_rare_class_is_as_rare_in_the_probe(dataset_of):
    dataset = dataset_of([0] * 4500 + [1] * 500)
    probe = probe_of(dataset, split(dataset, DataConfig(validation_share=0.5)))
    assert len(probe) == len(set(probe)) == 2000 and abs(int((dataset.labels[probe] == 1).sum()) - 200) <= 1


def test_the_fingerprint_is_reckoned_once(digits, monkeypatch):
    data, other = (Resident.load(digits, split(digits, DataConfig(validation_share=share)), "cpu") for share in (0.2, 0.3))
    first = data.fingerprint()
    assert first != other.fingerprint()
    monkeypatch.setattr("hashlib.sha256", None)
    assert data.fingerprint() == first


def test_channels_classes_and_keys_are_carried(digits, resident):
    assert resident.channels == 1 and resident.classes == digits.classes and np.array_equal(resident.keys, digits.keys)
    assert resident.images.dtype == torch.uint8 and resident.labels.dtype == torch.int64
