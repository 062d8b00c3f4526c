"""Planted twins: training pictures put among those of validation, as they are or nearly, and whether the data is then suspected.

Birds of `plumage` at 64 px, each planting with other pictures; near twins are resized, recompressed, and made a little brighter or darker.
"""

import io
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

from engine.config.data import DataConfig
from engine.data.crossing import across
from engine.data.dataset import Dataset
from engine.data.loading import load
from engine.data.near import kin, sketch
from engine.data.split import Split
from engine.diagnosis.rules.generalisation import EXACT_TWINS, NEAR_TWINS
from tests.benchmarks.verdict.scores import rate

PLANTINGS = 20


def _seen(image: np.ndarray) -> Image.Image:
    return Image.fromarray(image.transpose(1, 2, 0))


def near(image: np.ndarray, draw: np.random.Generator) -> Image.Image:
    """Nearly the same picture as this one (C, H, W)."""
    picture = _seen(image)
    side = round(64 * draw.uniform(0.8, 1.5))
    picture = ImageEnhance.Brightness(picture.resize((side, side))).enhance(draw.uniform(0.95, 1.05))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=int(draw.integers(60, 91)))
    return Image.open(file).resize((64, 64))


def planted(dataset: Dataset, seed: int, exact: float, alike: float) -> dict[str, float | None]:
    """The shares that the audit finds when such shares are planted."""
    draw = np.random.default_rng(seed)
    order = draw.permutation(len(dataset.labels))
    parts = Split(order[:1200], order[1200:1600], order[1600:])
    images, keys = np.array(dataset.images), dataset.keys.copy()
    sketches = np.array([sketch(_seen(image)) for image in images])
    count = len(parts.validation)
    for place in range(round(exact * count)):
        into, source = parts.validation[place], parts.train[place]
        keys[into], sketches[into] = keys[source], sketches[source]
    for place in range(round(alike * count)):
        into, source = parts.validation[-1 - place], parts.train[-1 - place]
        sketches[into] = sketch(near(images[source], draw))
    flawed = Dataset("twins", images, dataset.labels, dataset.classes, dataset.official_test, keys, (), kin(keys, sketches))
    return across(flawed, parts).shares()


def tell() -> None:
    """Recall of planted twins, and how often clean data is suspected."""
    with tempfile.TemporaryDirectory() as cache:
        dataset = load(DataConfig(dataset="plumage", resolution=64), [], Path(cache))
        print(f"planted twins, {PLANTINGS} plantings among 400 birds")
        for name, exact, alike in (("1 % exact", 0.01, 0.0), ("5 % near", 0.0, 0.05), ("none", 0.0, 0.0)):
            found = [planted(dataset, seed, exact, alike) for seed in range(PLANTINGS)]
            suspected = sum((one["exact"] or 0) > EXACT_TWINS or (one["near"] or 0) > NEAR_TWINS for one in found)
            share = np.mean([one["near" if alike else "exact"] or 0 for one in found])
            print(f"  {name:<12} data suspected {rate(suspected, PLANTINGS)}   found {100 * share:.2f} % of the pictures")
