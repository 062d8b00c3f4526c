"""How the best epoch did on every validation picture, and the first batch, as small files in the run's folder.

One safetensors file per best checkpoint, under its name. None of it may end a run: what the disk does not take is said in the log.
"""

import json
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as from_bytes
from safetensors.numpy import save as to_bytes
from torch import Tensor

from engine import faults
from engine.data.preview import as_bytes
from engine.data.resident import Resident
from engine.data.tiles import Layout, sheet
from engine.errors import DataError
from engine.plain_files import read_plain, replacing
from engine.store import first_batch
from engine.store.first_batch import Facts, FirstBatch
from engine.training.happenings import EpochDone

log = logging.getLogger("athanor.worker")

SUFFIX = ".safetensors"
# Bytes: a million validation pictures have 28 MB.
MOST_BYTES = 64 * 2**20
# Tiles of the first batch in a row, and how they are drawn: small ones enlarged, large ones as thumbnails.
COLUMNS, LAYOUT = 16, Layout(side=96, gap=0, radius=0)
_FACTS = "facts"


@dataclass(frozen=True)
class Samples:
    """One row per validation picture, (n,) each: its place in the dataset, labels, probabilities, loss in nats."""

    epoch: int
    data: str  # the fingerprint of dataset and split
    index: np.ndarray  # int64
    label: np.ndarray  # int32
    predicted: np.ndarray  # int32
    truth: np.ndarray  # float32, of the true class
    sure: np.ndarray  # float32, of the predicted class
    loss: np.ndarray  # float32

    def as_bytes(self) -> bytes:
        """As it is kept."""
        facts = np.frombuffer(json.dumps({"epoch": self.epoch, "data": self.data}).encode(), dtype=np.uint8)
        return to_bytes({_FACTS: facts, **{name: getattr(self, name) for name in COLUMN_TYPES}})


COLUMN_TYPES = {"index": "int64", "label": "int32", "predicted": "int32", "truth": "float32", "sure": "float32", "loss": "float32"}
assert set(COLUMN_TYPES) | {"epoch", "data"} == {field.name for field in fields(Samples)}


def of_epoch(done: EpochDone, data: Resident, fingerprint: str) -> Samples:
    """What an epoch's evaluation says of each picture; waits for the device."""
    seen = done.validation
    index, label = data.validation.cpu().numpy(), data.labels[data.validation].cpu().numpy().astype(np.int32)
    loss = seen.loss.float().cpu().numpy()
    predicted, sure = seen.predicted.cpu().numpy().astype(np.int32), seen.confidence.float().cpu().numpy()
    return Samples(done.epoch, fingerprint, index, label, predicted, np.exp(-loss), sure, loss)


def read(folder: Path, name: str) -> Samples:
    """The samples of a checkpoint. Raises DataError when there are none, or they are not what was written."""
    try:
        columns = from_bytes(read_plain(folder / f"{name}{SUFFIX}", MOST_BYTES))
        facts = json.loads(columns.pop(_FACTS).tobytes())
        found = Samples(int(facts["epoch"]), str(facts["data"]), **columns)
        _require_sound(found)
    except FileNotFoundError:
        raise DataError("run.samples.missing") from None
    except (OSError, ValueError, KeyError, TypeError, RecursionError, SafetensorError):
        raise DataError("run.samples.damaged") from None
    return found


def _require_sound(found: Samples) -> None:
    """Raises ValueError."""
    columns = {name: getattr(found, name) for name in COLUMN_TYPES}
    if any(column.dtype != COLUMN_TYPES[name] or column.shape != (len(found.index),) for name, column in columns.items()):
        raise ValueError("columns of other kinds")
    if not len(found.index) or not all(np.isfinite(column).all() for column in columns.values()):
        raise ValueError("nothing, or no numbers")


class Album:
    """The samples of a run as they come."""

    def __init__(self, folder: Path, data: Resident) -> None:
        self.folder = folder
        self.data = data
        self.fingerprint = data.fingerprint()

    def first_batch(self, pictures: Tensor, labels: Tensor) -> None:
        """Keep the first of these pictures (N, C, R, R) in [0, 1]."""
        count = min(len(pictures), first_batch.MOST)
        names = [self.data.classes[label] for label in labels[:count].tolist()]
        facts = Facts(side=pictures.shape[-1], columns=min(COLUMNS, count), batch=len(pictures), labels=names)
        png = sheet(as_bytes(pictures[:count].cpu()), facts.columns, LAYOUT)
        _attempt(partial(first_batch.write, self.folder, FirstBatch(png, facts)))

    def best(self, name: str, done: EpochDone, before: str) -> None:
        """Keep how the best epoch did under the name of its checkpoint; of the others only `before` stays, should the run go back to it."""
        content = of_epoch(done, self.data, self.fingerprint).as_bytes()
        _attempt(partial(self._write, f"{name}{SUFFIX}", content))
        _attempt(partial(self._tidy, {f"{name}{SUFFIX}", f"{before}{SUFFIX}"}))

    def _write(self, name: str, content: bytes) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with replacing(self.folder / name) as file:
            file.write(content)
            faults.point("samples.written")

    def _tidy(self, stay: set[str]) -> None:
        for file in [*self.folder.glob(f"*{SUFFIX}"), *self.folder.glob(".*.part")]:
            if file.name not in stay:
                with suppress(FileNotFoundError):
                    file.unlink()


def _attempt(deed: Callable[[], None]) -> None:
    """Samples are a courtesy: a disk that does not take them must not end a run."""
    try:
        deed()
    except OSError as error:
        log.warning("samples are not kept: %s", error)
