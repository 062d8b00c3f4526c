"""Birds drawn by code: the same each time, different from each other, and told apart by marks of the size that the constants say."""

import hashlib
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from engine.catalog import DATASETS
from engine.config.data import DataConfig
from engine.data import plumage
from engine.data.dataset import Dataset
from engine.data.decode import fit
from engine.data.loading import load
from engine.data.plumage import CLASSES, Marks
from engine.data.split import split

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]

PLAIN = Marks(ring=False, bars=0, long_beak=False, barred=False)
RINGED = Marks(ring=True, bars=0, long_beak=False, barred=False)
ONE_BAR = Marks(ring=False, bars=1, long_beak=False, barred=False)
TWO_BARS = Marks(ring=False, bars=2, long_beak=False, barred=False)
LONG = Marks(ring=False, bars=0, long_beak=True, barred=False)
BARRED = Marks(ring=False, bars=0, long_beak=False, barred=True)
# Both beaks, both bars and all stripes, as wide and as high.
BEAK = plumage.LONG_BEAK[0], plumage.SHORT_BEAK[1]
BOTH_BARS = plumage.BAR[0] + plumage.BAR_STEP, plumage.BAR[1]
ALL_STRIPES = plumage.STRIPE[0] + plumage.STRIPE_STEP * (plumage.STRIPES - 1), plumage.STRIPE[1]
# Pixels: an outline colours every pixel that it touches; of a mark, those count that are more mark than not.
OUTLINE, EDGE = 2, 1.25
GOLDEN = [[112.37, 135.70, 138.17], [111.77, 131.65, 117.27], [133.36, 142.82, 107.30]]


@cache
def pair(marks: Marks, number: int) -> tuple[np.ndarray, np.ndarray]:
    """The same bird without marks and with these."""
    return plumage.picture(PLAIN, number), plumage.picture(marks, number)


def differing(marks: Marks, number: int) -> np.ndarray:
    plain, marked = pair(marks, number)
    return (plain != marked).any(axis=2)


def change(marks: Marks, number: int) -> np.ndarray:
    """How much lighter the marks make each pixel, all channels together."""
    plain, marked = (picture.astype(int).sum(axis=2) for picture in pair(marks, number))
    return marked - plain


@pytest.fixture(scope="module")
def birds(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return load(DataConfig(dataset="plumage", resolution=64), [], tmp_path_factory.mktemp("cache"))


def extents(mask: np.ndarray) -> tuple[float, float]:
    """The least and the most that the pixels of a mask extend in any direction, in pixels."""
    points = np.argwhere(mask)
    angles = np.linspace(0, np.pi, 180, endpoint=False)
    along = points @ np.stack([np.cos(angles), np.sin(angles)])
    lengths = np.ptp(along, axis=0) + 1
    return lengths.min(), lengths.max()


def test_the_counts_are_those_of_the_catalog(birds: Dataset) -> None:
    facts = DATASETS["plumage"]
    assert birds.images.shape == (plumage.PER_CLASS * facts.classes, facts.channels, facts.size, facts.size)
    assert np.bincount(birds.labels).tolist() == [plumage.PER_CLASS] * facts.classes
    assert (len(set(birds.classes)), len(birds.skipped), birds.official_test.any()) == (facts.classes, 0, False)
    assert {birds.classes[0], birds.classes[-2]} == {"no bar, short beak", "ring, two bars, short beak, barred"}


def test_no_two_pictures_are_equal_nor_their_mirror_images(birds: Dataset) -> None:
    assert len(np.unique(birds.keys)) == len(birds.keys)
    seen = {picture.tobytes() for picture in birds.images}
    assert not any(np.ascontiguousarray(picture[..., ::-1]).tobytes() in seen for picture in birds.images)


def test_every_class_is_in_every_part(birds: Dataset) -> None:
    parts = split(birds, DataConfig(dataset="plumage"))
    assert {name: len(part) for name, part in vars(parts).items()} == {"train": 1224, "validation": 300, "test": 276}


def test_a_number_gives_the_same_bytes_in_another_process() -> None:
    here = hashlib.sha256(b"".join(plumage.picture(marks, 7).tobytes() for marks in CLASSES)).hexdigest()
    script = """import hashlib
from engine.data.plumage import CLASSES, picture
print(hashlib.sha256(b"".join(picture(marks, 7).tobytes() for marks in CLASSES)).hexdigest())"""
    there = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert there.stdout.strip() == here


def test_reading_twice_gives_the_same_pictures(birds: Dataset) -> None:
    again = np.stack(plumage.read().items)
    assert (again.transpose(0, 3, 1, 2) == birds.images).all()


def test_the_lots_are_the_same_in_every_version_of_numpy() -> None:
    """A picture that changes needs another IDENTITY, and these numbers anew. Other machines may draw an edge a fine pixel beside it."""
    means = [plumage.picture(CLASSES[label], label).mean(axis=(0, 1)) for label in (0, 5, 11)]
    np.testing.assert_allclose(means, GOLDEN, atol=0.1)


@pytest.mark.parametrize(
    ("marks", "sign", "mark", "patch"),
    [
        (RINGED, 1, plumage.RING, plumage.FACE),
        (ONE_BAR, 1, plumage.BAR, plumage.PANEL),
        (TWO_BARS, 1, BOTH_BARS, plumage.PANEL),
        (BARRED, -1, ALL_STRIPES, plumage.FLANK),
    ],
    ids=["ring", "one bar", "two bars", "barred"],
)
def test_a_mark_is_as_large_as_said_and_changes_its_patch_only(marks: Marks, sign: int, mark, patch) -> None:
    for number in range(20):
        lighter = sign * change(marks, number)
        assert extents(differing(marks, number)) == pytest.approx(sorted(patch), abs=OUTLINE), number
        least, most = extents(lighter > lighter.max() / 3)
        assert (least, most) == pytest.approx((min(mark), max(mark) if mark == plumage.RING else np.hypot(*mark)), abs=EDGE), number


def test_beaks_differ_within_the_larger_of_both() -> None:
    for number in range(20):
        assert extents(differing(LONG, number)) == pytest.approx((min(BEAK), np.hypot(*BEAK)), abs=EDGE), number


@pytest.mark.parametrize("marks", [RINGED, ONE_BAR, TWO_BARS, BARRED], ids=["ring", "one bar", "two bars", "barred"])
def test_a_mark_takes_the_light_from_its_own_patch(marks: Marks) -> None:
    """What it adds in one place it takes in another, so that a mean over the patch hardly changes."""
    moved = np.array([change(marks, number) for number in range(20)])
    assert abs(moved.sum(axis=(1, 2))).sum() < 0.1 * abs(moved).sum()


@pytest.mark.parametrize("marks", [RINGED, ONE_BAR, LONG, BARRED], ids=["ring", "bar", "beak", "barred"])
def test_a_simple_learner_sees_a_mark_better_at_64_pixels_than_at_16(marks: Marks) -> None:
    fine, coarse = (learned(marks, side) for side in (64, 16))
    assert fine > 0.8
    assert fine > coarse + 0.1


def learned(marks: Marks, side: int) -> float:
    """The share of 100 other birds, with and without, that a logistic regression on the pixels about the mark is right about."""
    crops = [crop for number in range(250) for crop in crops_about(marks, number, side)]
    pixels = StandardScaler().fit_transform(crops)
    has_mark = np.arange(len(crops)) % 2
    model = LogisticRegression(C=0.01).fit(pixels[:300], has_mark[:300])
    return model.score(pixels[300:], has_mark[300:])


def crops_about(marks: Marks, number: int, side: int) -> list[np.ndarray]:
    """A quarter of the picture's width about where the two differ, at this resolution, flat."""
    places, half = np.argwhere(differing(marks, number)), side // 8
    middle = (places.min(axis=0) + places.max(axis=0) + 1) / 2 * side / plumage.SIDE
    top, left = np.clip(np.rint(middle).astype(int) - half, 0, side - 2 * half)
    squares = [fit(Image.fromarray(picture), side, "squash") for picture in pair(marks, number)]
    return [square[:, top : top + 2 * half, left : left + 2 * half].ravel() for square in squares]
