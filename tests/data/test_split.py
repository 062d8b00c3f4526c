"""The split's promises, over datasets that hypothesis makes up."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.config.data import DataConfig
from engine.data.crossing import Crossing, across
from engine.data.split import Split, rank, split
from engine.errors import DataError

SIZES = st.lists(st.integers(3, 60), min_size=2, max_size=5)
SEEDS = st.integers(0, 2**32)
SHARES = st.sampled_from([0.05, 0.1, 0.2, 0.35, 0.5])
quick = settings(max_examples=60)


def random_keys(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2**64, count, dtype=np.uint64)


GOLDEN = [[2, 4, 5, 6, 8, 9, 11, 12, 13, 16, 18, 19], [1, 3, 14, 17], [0, 7, 10, 15]]  # keys 0..19, ten pictures of two classes


def labels_of(sizes: list[int]) -> np.ndarray:
    return np.repeat(np.arange(len(sizes)), sizes)


def everything(parts: Split) -> np.ndarray:
    return np.concatenate([parts.train, parts.validation, parts.test])


@quick
@given(sizes=SIZES, seed=SEEDS, share=SHARES)
def test_parts_are_sorted_disjoint_and_cover_all(dataset_of, sizes, seed, share):
    dataset = dataset_of(labels_of(sizes), random_keys(sum(sizes), seed))
    parts = split(dataset, DataConfig(validation_share=share))
    assert np.array_equal(np.sort(everything(parts)), np.arange(sum(sizes)))
    for part in vars(parts).values():
        assert part.dtype == np.int64 and (np.diff(part) > 0).all()


@quick
@given(sizes=SIZES, seed=SEEDS, share=SHARES)
def test_every_class_has_its_share_in_every_part(dataset_of, sizes, seed, share):
    dataset = dataset_of(labels_of(sizes), random_keys(sum(sizes), seed))
    parts = split(dataset, DataConfig(validation_share=share))
    for label, size in enumerate(sizes):
        train, validation, test = ((dataset.labels[part] == label).sum() for part in vars(parts).values())
        assert abs(test - 0.15 * size) <= 1 and abs(validation - share * (size - test)) <= 1 and train >= 1


@quick
@given(sizes=SIZES, seed=SEEDS, shares=st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)))
def test_a_smaller_training_share_is_part_of_a_larger(dataset_of, sizes, seed, shares):
    dataset = dataset_of(labels_of(sizes), random_keys(sum(sizes), seed))
    small, large = (split(dataset, DataConfig(train_share=share)) for share in sorted(shares))
    assert set(small.train) <= set(large.train)
    assert set(dataset.labels[small.train]) == set(range(len(sizes)))
    assert np.array_equal(small.validation, large.validation) and np.array_equal(small.test, large.test)


@quick
@given(sizes=SIZES, seed=SEEDS)
def test_the_order_of_files_does_not_matter(dataset_of, sizes, seed):
    labels, keys = labels_of(sizes), random_keys(sum(sizes), seed)
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    first, second = split(dataset_of(labels, keys), DataConfig()), split(dataset_of(labels[shuffled], keys[shuffled]), DataConfig())
    for part in ("train", "validation", "test"):
        assert set(keys[getattr(first, part)]) == set(keys[shuffled][getattr(second, part)])


@quick
@given(sizes=SIZES, seed=SEEDS, kinds=st.integers(5, 40))
def test_equal_pictures_stay_together_even_across_classes(dataset_of, sizes, seed, kinds):
    keys = np.random.default_rng(seed).integers(0, kinds, sum(sizes)).astype(np.uint64)
    dataset = dataset_of(labels_of(sizes), keys)
    try:
        parts = split(dataset, DataConfig())
    except DataError:
        assume(False)
    assert sum(len(set(keys[part])) for part in vars(parts).values()) == len(set(keys))


@quick
@given(sizes=SIZES, seed=SEEDS)
def test_the_official_test_part_is_the_test_part(dataset_of, sizes, seed):
    labels = labels_of([size + 2 for size in sizes])
    official = np.random.default_rng(seed).random(len(labels)) < 0.2
    pool_sizes, test_sizes = np.bincount(labels[~official]), np.bincount(labels[official], minlength=len(sizes))
    assume(len(pool_sizes) == len(sizes) and pool_sizes.min() >= 2 and test_sizes.min() >= 1)
    parts = split(dataset_of(labels, random_keys(len(labels), seed), official), DataConfig())
    assert np.array_equal(parts.test, np.flatnonzero(official))
    assert len(everything(parts)) == len(labels)


@quick
@given(sizes=SIZES, seed=SEEDS, kinds=st.integers(5, 40), share=SHARES)
def test_near_twins_stay_together_where_they_are_to(dataset_of, sizes, seed, kinds, share):
    keys = random_keys(sum(sizes), seed)
    family = np.random.default_rng(seed).integers(0, kinds, sum(sizes))
    kin = np.array([keys[family == one].min() for one in family])
    dataset = dataset_of(labels_of(sizes), keys, kin=kin)
    try:
        parts = split(dataset, DataConfig(twins="near", validation_share=share))
    except DataError:
        assume(False)
    assert sum(len(set(kin[part])) for part in vars(parts).values()) == len(set(kin))
    assert (across(dataset, parts), across(dataset, parts, "test")) == (
        Crossing(len(parts.validation), 0, 0), Crossing(len(parts.test), 0, 0),
    )  # fmt: skip


@quick
@given(sizes=SIZES, seed=SEEDS)
def test_without_near_twins_the_knob_moves_nothing(dataset_of, sizes, seed):
    labels, keys = labels_of(sizes), random_keys(sum(sizes), seed)
    for kin in (None, keys):
        splits = [split(dataset_of(labels, keys, kin=kin), DataConfig(twins=twins)) for twins in ("exact", "near")]
        assert all(map(np.array_equal, vars(splits[0]).values(), vars(splits[1]).values()))


def test_near_twins_are_parted_unless_the_knob_says_otherwise(dataset_of):
    keys = random_keys(400, 0)
    kin = keys.copy()
    kin[1::2] = kin[0::2] = np.minimum(keys[0::2], keys[1::2])
    dataset = dataset_of([0] * 200 + [1] * 200, keys, kin=kin)
    assert across(dataset, split(dataset, DataConfig())).near > 30
    assert across(dataset, split(dataset, DataConfig(twins="near"))).near == 0


def test_a_class_of_equal_pictures_cannot_be_split(dataset_of):
    with pytest.raises(DataError, match="“1” none is left for the train part") as caught:
        split(dataset_of([0, 0, 0, 0, 1, 1, 1, 1], [1, 2, 3, 4, 9, 9, 9, 9]), DataConfig())
    assert caught.value.key == "data.class_misses_part"


def test_a_dataset_that_is_all_official_test_is_refused(dataset_of):
    with pytest.raises(DataError):
        split(dataset_of([0, 0, 1, 1], official_test=[True] * 4), DataConfig())


def test_the_split_is_the_same_on_every_machine_and_in_every_version(dataset_of):
    parts = split(dataset_of(labels_of([10, 10])), DataConfig())
    assert [part.tolist() for part in vars(parts).values()] == GOLDEN


def test_a_very_uneven_dataset_is_split(dataset_of):
    parts = split(dataset_of(labels_of([30_000, 3])), DataConfig())
    assert len(parts.train) == 20_401


def test_rank_is_one_to_one():
    assert len(np.unique(rank(np.arange(100_000, dtype=np.uint64)))) == 100_000
