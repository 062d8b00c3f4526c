"""Published datasets through torchvision's own loaders: found in torchvision's layout, else downloaded.

Knows where their files lie; the reading and the published checksums are torchvision's.
"""

import gzip
import shutil
import socket
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from filelock import FileLock
from torchvision.datasets import CIFAR10, MNIST, FashionMNIST, VisionDataset

from engine.data.dataset import Contents, Progress, Source
from engine.errors import DataError
from engine.folders import listed

LOOK = 0.5  # seconds between two tellings of how much has been downloaded
SILENCE = 30.0  # seconds without a byte after which a download is given up; torchvision sets no limit
DAMAGE = (RuntimeError, ValueError, AssertionError, TypeError, IndexError, OSError)  # what torchvision raises on broken files
FAILURE = (*DAMAGE, EOFError, zlib.error, HTTPException)  # what a broken archive or line adds


@dataclass(frozen=True)
class Published:
    """A dataset as torchvision lays it out: `files` in `folder` under a root, read by `loader`."""

    name: str
    loader: type[VisionDataset]
    folder: str
    files: tuple[str, ...]


def idx(name: str, loader: type[MNIST]) -> Published:
    """A dataset in MNIST's format, whose files may also lie there as .gz."""
    return Published(name, loader, f"{loader.__name__}/raw", tuple(file.removesuffix(".gz") for file, _ in loader.resources))


def cifar(name: str, loader: type[CIFAR10]) -> Published:
    """A dataset in CIFAR's format; torchvision checks every file's MD5 before it reads it."""
    batches = [file for file, _ in loader.train_list + loader.test_list]
    return Published(name, loader, loader.base_folder, (*batches, loader.meta["filename"]))


def open_published(published: Published, roots: Sequence[Path], progress: Progress) -> Source:
    """The dataset under one of the roots, else downloaded into the last, telling the bytes. Raises DataError when neither works."""
    root = _found(published, roots) or _fetched(published, roots, progress)
    facts = [(root / published.folder / file).stat() for file in published.files]
    identity = f"{published.name} " + " ".join(f"{fact.st_size}:{fact.st_mtime_ns}" for fact in facts)
    return Source(published.name, identity, lambda: _read(published, root))


def _found(published: Published, roots: Sequence[Path]) -> Path | None:
    return next((root for root in roots if all((root / published.folder / file).is_file() for file in published.files)), None)


def _fetched(published: Published, roots: Sequence[Path], progress: Progress) -> Path:
    """Unpacks or downloads into the last root, one process at a time, and moves each file into place when it is whole."""
    into = roots[-1]
    try:
        into.mkdir(parents=True, exist_ok=True)
        with FileLock(into / f".{published.name}.lock"), TemporaryDirectory(dir=into, prefix=".download-") as beside:
            if (found := _found(published, roots)) is not None:
                return found
            if (packed := _found(_gzipped(published), roots)) is not None:
                _unpack(published, packed, Path(beside))
            else:
                _download(published, Path(beside), progress)
            _move(Path(beside, published.folder), into / published.folder)
    except FAILURE as error:
        fields = {"name": published.name, "roots": listed(roots), "files": ", ".join(published.files)}
        raise DataError("data.source_missing", **fields, folder=published.folder, reason=_line(error)) from error
    return into


def _gzipped(published: Published) -> Published:
    return Published(published.name, published.loader, published.folder, tuple(f"{file}.gz" for file in published.files))


def _unpack(published: Published, root: Path, beside: Path) -> None:
    (beside / published.folder).mkdir(parents=True)
    for file in published.files:
        with gzip.open(root / published.folder / f"{file}.gz") as packed, (beside / published.folder / file).open("wb") as plain:
            shutil.copyfileobj(packed, plain)


def _download(published: Published, beside: Path, progress: Progress) -> None:
    with _silence_ends(SILENCE), _watched(beside, progress):
        published.loader(beside, download=True)


@contextmanager
def _watched(folder: Path, progress: Progress) -> Iterator[None]:
    """Tell the bytes that lie in a growing folder: torchvision's loaders tell nobody but the terminal."""
    done = threading.Event()

    def look() -> None:
        while not done.wait(LOOK):
            progress("download", sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()), 0)

    watcher = threading.Thread(target=look, name="download", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


@contextmanager
def _silence_ends(seconds: float) -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _move(folder: Path, into: Path) -> None:
    into.mkdir(parents=True, exist_ok=True)
    for file in folder.iterdir():
        file.replace(into / file.name)


def _read(published: Published, root: Path) -> Contents:
    try:
        parts = [published.loader(root, train=train) for train in (True, False)]
        images = np.concatenate([np.asarray(part.data) for part in parts])
        labels = np.concatenate([np.asarray(part.targets, dtype=np.int64) for part in parts])
        if len(images) != len(labels) or labels.max() >= len(parts[0].classes):
            raise ValueError(f"{len(images)} pictures, {len(labels)} labels up to {labels.max()}")
    except DAMAGE as error:
        folder = str(root / published.folder)
        raise DataError("data.source_damaged", name=published.name, folder=folder, reason=_line(error)) from error
    test = np.repeat([False, True], [len(part.data) for part in parts])
    names = [f"test/{index}" if held else f"train/{index}" for index, held in enumerate(test)]
    return Contents(list(images), names, labels, test, tuple(parts[0].classes))


def _line(error: BaseException) -> str:
    return " ".join((str(error) or type(error).__name__).split())[:200]


FASHION_MNIST = idx("fashion_mnist", FashionMNIST)
CIFAR_10 = cifar("cifar10", CIFAR10)
