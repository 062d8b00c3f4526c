"""A handful of a dataset on a device: real pictures when they are there in time, made-up ones of the same shape when not.

For measuring; what trains is never a sample.
"""

from dataclasses import dataclass, replace

import numpy as np

from engine.catalog import DATASETS
from engine.config.data import DataConfig
from engine.data.arrivals import Arrivals, Late
from engine.data.dataset import Dataset
from engine.data.loading import silent
from engine.data.resident import Resident
from engine.data.sources import open_source
from engine.data.split import TEST_SHARE, Split, split

# Pictures of a sample: more than the caches of a processor hold, few enough to be read in a moment.
TRAIN, VALIDATION = 1024, 256
# Channels of pictures that nobody has decoded yet.
COLOUR = 3


@dataclass(frozen=True)
class Counts:
    """Pictures in each part; of pictures that are not decoded yet, what the shares come to."""

    train: int
    validation: int
    test: int


@dataclass(frozen=True)
class Outline:
    """What a network must know of its data. `counts` None: not known."""

    channels: int
    classes: int
    counts: Counts | None


@dataclass(frozen=True)
class Sample:
    """`data` on a device, `real` when it is of the dataset itself, and the outline of the whole dataset."""

    data: Resident
    real: bool
    outline: Outline


def outline(config: DataConfig, arrivals: Arrivals, seconds: float) -> Outline:
    """From the catalog, else from the pictures, else from their names. Raises DataError."""
    if config.dataset in DATASETS:
        return _guess(config, arrivals)
    try:
        return _outline(arrivals.within(seconds, config))
    except Late:
        return _guess(config, arrivals)


def sample(config: DataConfig, arrivals: Arrivals, seconds: float, device: str) -> Sample:
    """Real pictures if they come in time. Raises DataError when there is no such dataset, or it is unfit for training."""
    try:
        dataset = arrivals.within(seconds, config)
    except Late:
        guess = _guess(config, arrivals)
        return Sample(_made_up(config, guess, device), False, guess)
    return _real(dataset, config, device)


def _outline(dataset: Dataset, parts: Split | None = None) -> Outline:
    counts = None if parts is None else Counts(len(parts.train), len(parts.validation), len(parts.test))
    return Outline(dataset.images.shape[1], len(dataset.classes), counts)


def _guess(config: DataConfig, arrivals: Arrivals) -> Outline:
    """Of a known dataset what the catalog says; of a folder, what its names say."""
    known = DATASETS.get(config.dataset)
    if known is not None:
        return Outline(known.channels, known.classes, None)
    contents = open_source(config.dataset, arrivals.roots, silent).read()
    held = int(contents.official_test.sum())
    test = held or round(len(contents.labels) * TEST_SHARE)
    pool = len(contents.labels) - test
    validation = round(pool * config.validation_share)
    train = max(1, round((pool - validation) * config.train_share))
    return Outline(COLOUR, len(contents.classes), Counts(train, validation, test))


def _real(dataset: Dataset, config: DataConfig, device: str) -> Sample:
    """Some pictures of the training and of the validation part, spread over the whole, in parts of their own."""
    parts = split(dataset, config)
    train, validation = _spread(parts.train, TRAIN), _spread(parts.validation, VALIDATION)
    chosen = np.concatenate([train, validation])
    columns = ("images", "labels", "official_test", "keys", "sums")
    few = replace(dataset, kin=None, **{name: getattr(dataset, name)[chosen] for name in columns})
    return Sample(Resident.load(few, _front(len(train), len(chosen)), device), True, _outline(dataset, parts))


def _spread(part: np.ndarray, count: int) -> np.ndarray:
    return part if len(part) <= count else part[np.linspace(0, len(part) - 1, count).astype(np.int64)]


def _made_up(config: DataConfig, shape: Outline, device: str) -> Resident:
    """Noise, from a fixed seed."""
    train, count, side = TRAIN // 4, (TRAIN + VALIDATION) // 4, config.resolution
    images = np.random.default_rng(0).integers(0, 256, (count, shape.channels, side, side), dtype=np.uint8)
    places, names = np.arange(count), tuple(map(str, range(shape.classes)))
    dataset = Dataset(config.dataset, images, places % shape.classes, names, np.zeros(count, dtype=bool), places.astype(np.uint64), ())
    return Resident.load(dataset, _front(train, count), device)


def _front(train: int, count: int) -> Split:
    """The front is for training, the rest for validation."""
    places = np.arange(count)
    return Split(places[:train], places[train:], places[:0])
