"""A dataset at a glance: counts that add up, bounds that hold, names that stay apart."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from engine.config.data import DataConfig
from engine.config.look import Look
from engine.data import overview, preview
from engine.data.dataset import Dataset, Skipped
from engine.data.loading import load
from engine.data.overview import MOST_CLASSES, MOST_SKIPPED, PAGE
from engine.data.split import split
from engine.errors import BadKnob


@pytest.fixture(scope="module")
def digits(tmp_path_factory) -> Dataset:
    return load(DataConfig(resolution=8), [], tmp_path_factory.mktemp("cache"))


def parts_of(dataset: Dataset):
    return split(dataset, DataConfig(dataset="made"))


def size(png: bytes) -> tuple[int, int]:
    return Image.open(io.BytesIO(png)).size


def test_the_counts_are_those_of_the_split(digits: Dataset) -> None:
    told = overview.overview(digits, parts_of(digits))
    assert told["totals"] == {"train": 1222, "validation": 306, "test": 269}
    assert {name: sum(counts) for name, counts in told["counts"].items()} == told["totals"]
    assert (told["classes"], told["images"], told["channels"], told["resolution"]) == ([str(place) for place in range(10)], 1797, 1, 8)
    assert (told["skipped"], told["official_test"], told["mean_of"]) == ([], False, 1222)


def test_the_mean_is_that_of_the_training_pictures(digits: Dataset) -> None:
    parts = parts_of(digits)
    picture = np.asarray(Image.open(io.BytesIO(overview.mean_picture(digits, parts))))
    wanted = np.rint(digits.images[parts.train].mean(axis=0))[0]
    assert (picture[35::35, 35::35, 0][:7, :7] == wanted[1:, 1:]).all()


def test_a_mean_over_too_much_is_one_over_some_of_it(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overview, "MEAN_BYTES", 64 * 100)
    assert overview.overview(digits, parts_of(digits))["mean_of"] == 100


def test_a_page_of_classes_has_a_row_each_and_past_the_end_comes_the_last(digits: Dataset, dataset_of) -> None:
    rows = overview.mosaic(digits, parts_of(digits), 0)
    assert {size(row) for row in rows.rows} == {overview.ROW.size(overview.SHOWN + 1, 1)}
    assert (len(rows.rows), sum(rows.train)) == (PAGE, 1222)
    many = dataset_of(np.repeat(np.arange(25), 4))
    last = overview.mosaic(many, parts_of(many), 10**6)
    assert (last.first, last.names) == (20, ["20", "21", "22", "23", "24"])
    assert {size(row) for row in last.rows} == {overview.ROW.size(overview.SHOWN + 1, 1)}, "few pictures, as wide a row"


def test_many_classes_and_many_skipped_files_are_bounded(dataset_of) -> None:
    many = dataset_of(np.repeat(np.arange(MOST_CLASSES + 7), 3))
    many = replace(many, skipped=tuple(Skipped(f"{place}.png", "data.skip_empty") for place in range(MOST_SKIPPED + 5)))
    told = overview.overview(many, parts_of(many))
    assert (len(told["classes"]), told["class_count"]) == (MOST_CLASSES, MOST_CLASSES + 7)
    assert {len(counts) for counts in told["counts"].values()} == {MOST_CLASSES}
    assert (len(told["skipped"]), told["skipped_count"]) == (MOST_SKIPPED, MOST_SKIPPED + 5)


def test_names_are_short_on_one_line_and_told_apart(dataset_of) -> None:
    made = replace(dataset_of([0, 0, 0, 1, 1, 1, 2, 2, 2]), classes=("x" * 80 + "a", "x" * 80 + "b", "two\nlines"))
    first, second, third = overview.names(made)
    assert (first + " (2)", third) == (second, "two lines")
    long = replace(made, skipped=(Skipped("deep/" * 60 + "end.png", "data.skip_empty"),))
    path = overview.overview(long, parts_of(long))["skipped"][0]["path"]
    assert len(path) <= 60
    assert path.endswith("end.png")


@pytest.mark.parametrize("resolution", [8, 64])
def test_draws_begin_with_the_picture_itself(tmp_path, resolution: int) -> None:
    look = Look.from_flat({"resolution": resolution, "rotation": 45.0})
    dataset = load(look.data, [], tmp_path)
    drawn, plain = preview.draws(look, dataset), preview.draws(Look.from_flat({"resolution": resolution}), dataset)
    assert size(drawn.png) == preview.DRAWN.size(9, 6)
    assert (drawn.augmentations, plain.augmentations) == (["rotation"], [])
    one, other = (np.asarray(Image.open(io.BytesIO(found.png)))[..., 0] for found in (drawn, plain))
    assert (one[:, :100] == other[:, :100]).all()
    assert (one[:, 124:] != other[:, 124:]).any()


def test_a_look_takes_what_no_network_could_and_refuses_what_is_no_knob() -> None:
    look = Look.from_flat({"resolution": "8", "architecture": "vgg16", "seed": 3})
    assert (look.data.resolution, look.seed, look.flat()["resolution"]) == (8, 3, 8)
    assert Look.from_flat(look.flat()) == look
    for wrong in ({"wings": 2}, {"resolution": 3}, {"crop": float("nan")}):
        with pytest.raises(BadKnob):
            Look.from_flat(wrong)


@pytest.mark.slow
def test_fashion_mnist_keeps_its_own_test_part_and_has_nothing_against_it(shared_data, tmp_path) -> None:
    config = DataConfig(dataset="fashion_mnist", resolution=28)
    dataset = load(config, [shared_data], tmp_path)
    told = overview.overview(dataset, split(dataset, config))
    assert (told["official_test"], told["totals"]["test"], told["mean_of"]) == (True, 10_000, 48_000)
    assert {finding["level"] for finding in told["audit"]} == {"good"}
