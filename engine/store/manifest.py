"""The manifest in a run's folder: what a lost store is rebuilt from, and what a run is carried elsewhere with.

JSON with the hash of itself. What is read back is hostile until the forms below have taken it.
"""

import base64
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from engine.errors import NotFound
from engine.files import write_whole
from engine.store import blobs
from engine.store.home import Home
from engine.store.points import loose
from engine.store.tables import attempts, checkpoints, events, lineage, runs, series, tags, tests

if TYPE_CHECKING:
    from engine.store.connect import Store

FORMAT = 1
# A run of a million points has 60 MB.
MOST_BYTES = 256 * 2**20
_SECRET = ("token", "launch_key", "place", "pause_after")

Whole = Annotated[int, Field(ge=0, lt=2**31)]
Positive = Annotated[int, Field(ge=1, lt=2**31)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Time = Annotated[float, Field(allow_inf_nan=False, ge=0, lt=1e11)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")]
State = Literal["queued", "starting", "running", "paused", "finished", "stopped", "failed", "out_of_memory", "diverged", "lost"]
Scalar = bool | int | Number | str | None
Strict = ConfigDict(strict=True, frozen=True, extra="forbid")


class Reason(BaseModel):
    """Why a run or an attempt is in its state: a sentence of the catalogue and its values."""

    model_config = Strict
    key: Annotated[str, Field(max_length=100)]
    fields: dict[str, JsonValue]


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
    numerics: dict[str, JsonValue] | None
    summary: dict[str, JsonValue]
    priority: Annotated[int, Field(ge=-1000, le=1000)]
    crashes: Whole
    attempt: Whole
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
    seq: Positive
    attempt: Whole
    kind: Name
    step: Whole
    epoch: Whole
    data: dict[str, JsonValue]
    time: Time


class CheckpointForm(BaseModel):
    """A row of `checkpoints`. `name` becomes a file's name."""

    model_config = Strict
    name: Name
    attempt: Whole
    step: Whole
    epoch: Whole
    best: bool
    bytes: Annotated[int, Field(ge=0, lt=2**63)]
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
    attempts: list[AttemptForm]
    events: list[EventForm]
    checkpoints: list[CheckpointForm]
    test: TestForm | None
    series: list[SeriesForm]
    tags: list[TagForm] = []


def write(store: "Store", run: int) -> Path:
    """Write the manifest of a run as it stands now. Raises NotFound, and OSError when the disk does not take it."""
    body = _body(store, run)
    content = json.dumps(body | {"sha256": _digest(body)}, allow_nan=False).encode()
    path = store.home.manifest(run)
    write_whole(path, content)
    return path


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
    if path.is_symlink() or not path.is_file() or path.stat().st_size > MOST_BYTES:
        raise ValueError(f"{path} is no manifest")
    try:
        body = json.loads(path.read_bytes(), parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError(f"{path} is too deep") from error
    if not isinstance(body, dict) or body.pop("sha256", None) != _digest(body):
        raise ValueError(f"{path} is not what was written")
    found = Manifest.model_validate(body)
    if found.run.id != run:
        raise ValueError(f"{path} is of run {found.run.id}")
    return found


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _digest(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
