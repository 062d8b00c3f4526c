"""Leaks that were planted are counted to the picture."""

import numpy as np
import pytest

from engine.config.data import DataConfig
from engine.data.crossing import Crossing, across
from engine.data.dataset import Dataset
from engine.data.loading import load
from engine.data.split import Split, split
from tests.data.photographs import recompressed, resized, textures

PARTS = Split(np.arange(60), np.arange(60, 80), np.arange(80, 100))


@pytest.fixture
def leaky(dataset_of):
    """`leaky(exact, near)`: so many of the 20 validation pictures have an exact twin in training, and so many others a near one."""

    def make(exact: int, near: int | None) -> Dataset:
        keys = np.arange(100)
        keys[60 : 60 + exact] = keys[:exact]
        kin = keys.copy()
        kin[60 + exact : 60 + exact + (near or 0)] = kin[30 : 30 + (near or 0)]
        return dataset_of([0, 1] * 50, keys, kin=None if near is None else kin)

    return make


@pytest.mark.parametrize(("exact", "near"), [(0, 0), (1, 0), (0, 3), (4, 5), (20, 0), (7, None)])
def test_what_is_planted_is_counted(leaky, exact: int, near: int | None) -> None:
    dataset = leaky(exact, near)
    found = across(dataset, PARTS)
    assert found == Crossing(20, exact, near)
    assert found.shares() == {"exact": exact / 20, "near": None if near is None else near / 20}
    assert across(dataset, PARTS, "test") == Crossing(20, 0, None if near is None else 0)


def test_twins_within_a_part_cross_nothing(dataset_of) -> None:
    keys = np.repeat(np.arange(50), 2)
    assert across(dataset_of([0, 1] * 50, keys, kin=keys // 10 * 10), PARTS) == Crossing(20, 0, 0)


def test_what_is_not_used_for_training_is_not_learned_from(dataset_of) -> None:
    keys = np.arange(100)
    keys[60:80] = 0
    assert across(dataset_of([0, 1] * 50, keys), Split(PARTS.train[1:], PARTS.validation, PARTS.test)).exact == 0


def test_an_official_test_part_may_hold_what_is_learned_from(dataset_of) -> None:
    keys = np.arange(200)
    keys[180:184] = keys[:4]
    dataset = dataset_of([0, 1] * 100, keys, [index >= 180 for index in range(200)])
    parts = split(dataset, DataConfig(validation_share=0.05))
    assert across(dataset, parts).exact == 0
    assert across(dataset, parts, "test").exact == np.isin(np.arange(4), parts.train).sum() > 0


def test_of_no_pictures_no_share_crosses() -> None:
    assert Crossing(0, 0, 0).shares() == {"exact": 0.0, "near": 0.0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """60 pictures of two classes, 20 of them a second time, smaller and as JPEG; the data root."""
    root = tmp_path_factory.mktemp("root")
    for place, image in enumerate(textures(60)):
        home = root / "pets" / f"class {place % 2}"
        home.mkdir(parents=True, exist_ok=True)
        image.save(home / f"{place:02}.png")
        if place < 20:
            recompressed(resized(image, 0.9), 80).save(home / f"{place:02} copy.jpg", quality=80)
    return root


def test_copies_in_a_folder_cross_the_split_until_the_knob_forbids_it(folder, tmp_path) -> None:
    dataset = load(DataConfig(dataset="pets", resolution=16), [folder], tmp_path)
    parts = {twins: split(dataset, DataConfig(twins=twins, validation_share=0.4)) for twins in ("exact", "near")}
    crossing = {twins: [across(dataset, found, part) for part in ("validation", "test")] for twins, found in parts.items()}
    assert [found.exact for found in crossing["exact"]] == [0, 0]
    assert sum(found.near for found in crossing["exact"]) >= 5
    assert [found.near for found in crossing["near"]] == [0, 0]
    assert abs(len(parts["near"].validation) - len(parts["exact"].validation)) <= 2


def test_kin_is_found_once_and_is_the_same_at_every_resolution(folder, tmp_path) -> None:
    looks = [("squash", 8), ("pad", 96), ("squash", 8)]
    found = [load(DataConfig(dataset="pets", resolution=side, resize=policy), [folder], tmp_path).kin for policy, side in looks]
    assert len(np.unique(found[0])) == 60
    assert np.array_equal(found[0], found[1])
    assert np.array_equal(found[0], found[2])


def test_scans_of_8_px_are_not_looked_at(tmp_path) -> None:
    assert load(DataConfig(resolution=64), [], tmp_path).kin is None
