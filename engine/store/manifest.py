"""The manifest in a run's folder: what a lost store is rebuilt from, and what a run is carried elsewhere with.

JSON with the hash of itself. What is read back is hostile until the forms below have taken it.
"""

import base64
import hashlib
import json
import math
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import sqlalchemy as sa
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, model_validator

from engine import plain_files
from engine.errors import NotFound
from engine.store import blobs
from engine.store.home import Home
from engine.store.points import loose
from engine.store.tables import advice, attempts, checkpoints, events, lineage, runs, series, tags, tests

if TYPE_CHECKING:
    from engine.store.connect import Store

FORMAT = 1
# A point takes 53 bytes here, of which a run tells twenty a second at most, and the verdict of an epoch 1,700: a million points have
# 55 MB, a day and a half of training 128 MiB.
MOST_BYTES = 128 * 2**20
# Lists and objects: 36 for the verdict of each of 10,000 epochs, the most that a run has, with all that is prescribed; the rest is room.
MOST_PARTS = 600_000
# Levels of a value inside another: a verdict has five.
MOST_LEVELS = 20
# Of what a run tells: a year of it, and room for as much again when it goes on.
MOST_SEQ = 2**30
_SECRET = ("token", "launch_key", "place", "pause_after")

Whole = Annotated[int, Field(ge=0, lt=2**31)]
Positive = Annotated[int, Field(ge=1, lt=2**31)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Time = Annotated[float, Field(allow_inf_nan=False, ge=0, lt=1e11)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")]
State = Literal["queued", "starting", "running", "paused", "finished", "stopped", "failed", "out_of_memory", "diverged", "lost"]
Share = Annotated[float, Field(allow_inf_nan=False, ge=0, le=1)]
Scalar = bool | int | Number | str | None
Strict = ConfigDict(strict=True, frozen=True, extra="forbid")
Exact = 2**53


def _sane(value: JsonValue, levels: int = MOST_LEVELS) -> JsonValue:
    """The value, when pages can count with its numbers. Raises ValueError."""
    if levels == 0:
        raise ValueError("too deep")
    if isinstance(value, int | float) and not (abs(value) < Exact if isinstance(value, int) else math.isfinite(value)):
        raise ValueError("a number that is too large")
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _sane(inner, levels - 1)
    return value


Json = Annotated[JsonValue, AfterValidator(_sane)]


class Reason(BaseModel):
    """Why a run or an attempt is in its state: a sentence of the catalogue and its values."""

    model_config = Strict
    key: Annotated[str, Field(max_length=100)]
    fields: dict[str, Json]


class NumericsForm(BaseModel):
    """How a run computes, as far as it is known."""

    model_config = Strict
    device: Annotated[str, Field(pattern=r"^(cpu|cuda)$")] = "cpu"
    threads: Annotated[int, Field(ge=1, le=4096)] = 1
    precision: Literal["fp32", "bf16", "bf16_dense"] = "fp32"
    channels_last: bool = False
    deterministic: bool = False
    fused: bool = False
    replicas: Annotated[int, Field(ge=1, le=4096)] = 1
    compiled: bool = False


class WeightsForm(BaseModel):
    """What a run was given of the weights it began with, and whatever else is said of them."""

    model_config = ConfigDict(strict=True, frozen=True, extra="allow")
    __pydantic_extra__: dict[str, Json]
    share: Share
    taken: Whole
    left: Whole


class SummaryForm(BaseModel):
    """A run in a few numbers: those that pages count with, each there or not, and whatever else."""

    model_config = ConfigDict(strict=True, frozen=True, extra="allow")
    __pydantic_extra__: dict[str, Json]
    verdict: Name | None = None
    epoch: Whole = 0
    epochs: Positive = 1
    best_epoch: Whole | None = None
    step: Whole = 0
    steps_per_epoch: Whole | None = None
    train_images: Whole | None = None
    validation_images: Whole | None = None
    class_counts: list[Whole] = []
    parameters: Annotated[int, Field(ge=0, lt=Exact)] | None = None
    seconds: Time | None = None
    images_per_second: Number | None = None
    val_loss: Number | None = None
    val_accuracy: Share | None = None
    probe_loss: Number | None = None
    probe_accuracy: Share | None = None
    last_val_loss: Number | None = None
    last_val_accuracy: Share | None = None
    last_probe_loss: Number | None = None
    last_probe_accuracy: Share | None = None
    val_noise: Number | None = None
    weights: WeightsForm | None = None

    @model_validator(mode="after")
    def _tells_of_how_many(self) -> Self:
        if self.epoch and self.seconds and "epochs" not in self.model_fields_set:
            raise ValueError("epochs done of nobody knows how many")
        return self


class RunForm(BaseModel):
    """A row of `runs`."""

    model_config = Strict
    id: Positive
    name: Annotated[str, Field(max_length=10_000)]
    kind: Name
    state: State
    reason: Reason | None
    config: dict[str, dict[str, Scalar]]
    config_version: Positive
    numerics: NumericsForm | None
    summary: SummaryForm
    priority: Literal[-1, 0, 1]
    crashes: Whole
    attempt: Annotated[int, Field(ge=0, lt=10**6)]
    note: Annotated[str, Field(max_length=10_000)] | None = None
    created_at: Time
    started_at: Time | None
    ended_at: Time | None


class AttemptForm(BaseModel):
    """A try at the run."""

    model_config = Strict
    number: Positive
    state: State
    reason: Reason | None
    created_at: Time
    ended_at: Time | None


class EventForm(BaseModel):
    """A row of `events`."""

    model_config = Strict
    seq: Annotated[int, Field(ge=1, lt=MOST_SEQ)]
    attempt: Whole
    kind: Name
    step: Whole
    epoch: Whole
    data: dict[str, Json]
    time: Time


class CheckpointForm(BaseModel):
    """A row of `checkpoints`. `name` becomes a file's name."""

    model_config = Strict
    name: Name
    attempt: Whole
    step: Whole
    epoch: Whole
    best: bool
    bytes: Annotated[int, Field(ge=0, lt=Exact)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    time: Time


class SeriesForm(BaseModel):
    """A packed series; `data` is its blob in base64."""

    model_config = Strict
    name: Annotated[str, Field(min_length=1, max_length=200)]
    data: str


class LineageForm(BaseModel):
    """A parent of the run."""

    model_config = Strict
    parent: Positive
    relation: Name


class AdviceForm(BaseModel):
    """What the run tries, and why."""

    model_config = Strict
    parent: Positive
    verdict: Name
    prescription: Name


class TagForm(BaseModel):
    """A word by which people find the run again."""

    model_config = Strict
    tag: Annotated[str, Field(min_length=1, max_length=100)]


class TestForm(BaseModel):
    """The test part, looked at once."""

    __test__ = False  # not a test class
    model_config = Strict
    epoch: Whole
    loss: Number
    accuracy: Number
    images: Whole
    time: Time


class Manifest(BaseModel):
    """All that the store knows of a run, save the token of its attempt."""

    model_config = Strict
    format: Literal[1]
    run: RunForm
    lineage: list[LineageForm]
    advice: list[AdviceForm] = []
    attempts: list[AttemptForm]
    events: list[EventForm]
    checkpoints: list[CheckpointForm]
    test: TestForm | None
    series: list[SeriesForm]
    tags: list[TagForm] = []

    @model_validator(mode="after")
    def _next_attempt_is_free(self) -> Self:
        numbers = [each.number for each in self.attempts]
        if len(set(numbers)) < len(numbers) or max(numbers, default=0) > self.run.attempt:
            raise ValueError(f"the attempts {numbers[:10]} of a run that is at its attempt {self.run.attempt}")
        return self


def write(store: "Store", run: int) -> Path:
    """Write the manifest of a run as it stands now.

    Raises NotFound, also when the run is deleted meanwhile: nothing of it is left behind then. OSError when the disk does not take it.
    """
    body = _body(store, run)
    content = json.dumps(body | {"sha256": _digest(body)}, allow_nan=False).encode()
    path = store.home.manifest(run)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with plain_files.replacing(path) as file:
            file.write(content)
    except FileNotFoundError:
        _require_run(store, run)  # the folder went with its run
        raise
    _require_run(store, run)
    return path


def _require_run(store: "Store", run: int) -> None:
    """Raises NotFound when the run has been deleted, its new folder removed; a deletion that is under way is waited for."""
    with store.write() as connection:
        if connection.execute(sa.select(runs.c.id).where(runs.c.id == run)).scalar() is not None:
            return
        store.home.manifest(run).unlink(missing_ok=True)
        with suppress(OSError):  # never made, or somebody has put something else there
            store.home.run(run).rmdir()
    raise NotFound("errors.no_such_run", run=run)


def _body(store: "Store", run: int) -> dict[str, Any]:
    with store.snapshot() as connection:
        row = connection.execute(
            sa.select(*(column for column in runs.c if column.name not in _SECRET)).where(runs.c.id == run)
        ).one_or_none()
        if row is None:
            raise NotFound("errors.no_such_run", run=run)
        test = _rows(connection, tests, TestForm, run)
        return {
            "format": FORMAT, "run": dict(row._mapping), "lineage": _rows(connection, lineage, LineageForm, run),
            "advice": _rows(connection, advice, AdviceForm, run),
            "attempts": _rows(connection, attempts, AttemptForm, run), "events": _rows(connection, events, EventForm, run),
            "checkpoints": _rows(connection, checkpoints, CheckpointForm, run), "test": test[0] if test else None,
            "series": _series(connection, run), "tags": _rows(connection, tags, TagForm, run),
        }  # fmt: skip


def _rows(connection: sa.Connection, table: sa.Table, form: type[BaseModel], run: int) -> list[dict[str, Any]]:
    query = sa.select(*(table.c[name] for name in form.model_fields)).where(table.c.run == run).order_by(*table.primary_key.columns)
    return [dict(row._mapping) for row in connection.execute(query)]


def _series(connection: sa.Connection, run: int) -> list[dict[str, str]]:
    kept = connection.execute(
        sa.select(series.c.name, series.c.data).where(series.c.run == run).order_by(series.c.name, series.c.first_seq)
    )
    found = [(row.name, bytes(row.data)) for row in kept]
    found += [(name, blobs.packed(points)) for name, points in loose(connection, run).items()]
    return [{"name": name, "data": base64.b64encode(data).decode()} for name, data in found]


def read(home: Home, run: int) -> Manifest:
    """The manifest of a run's folder, every part of it looked at. Raises ValueError or OSError when it is not one of ours."""
    path = home.manifest(run)
    body = plain_files.read_json(plain_files.read_plain(path, MOST_BYTES), MOST_PARTS)
    try:
        if not isinstance(body, dict) or body.pop("sha256", None) != _digest(body):
            raise ValueError(f"{path} is not what was written")
        found = Manifest.model_validate(body)
    except RecursionError as error:
        raise ValueError(f"{path} is too deep") from error
    if found.run.id != run:
        raise ValueError(f"{path} is of run {found.run.id}")
    return found


def _digest(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
