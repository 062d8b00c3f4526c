"""Checkpoints on disk: weights and state as safetensors, counters as JSON. Nothing is pickled.

A checkpoint `name` is three files: `name.weights.safetensors` (what is evaluated: of a run that averages its weights, the average),
`name.state.safetensors` (the optimiser, then the weights that it steps, and what else a resume needs)
and, written last, `name.json`, which holds the hashes of the other two and of itself. What does not match is refused. Names are
never used twice, so a checkpoint is whole or it is not there. What is read may come from a stranger: it is taken by the forms below, and
never by more memory than its files have. Knows no loop and no store.
"""

import hashlib
import json
import os
import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, JsonValue
from safetensors import SafetensorError
from safetensors.torch import load as from_bytes
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from engine import faults, plain_files
from engine.errors import AthanorError
from engine.folders import shown
from engine.training.happenings import State
from engine.training.live import Live
from engine.training.meter import Sums
from engine.training.schedules import Plateau

# Format 4 knew neither an average of the weights nor plateaus; it is read as one without them.
FORMAT = 5
_WEIGHTS, _STATE = "weights.safetensors", "state.safetensors"
# In the state file, before the names of the tensors that are not the optimiser's: the weights as they are beside their average, the rest.
_RAW, _EXTRA = "raw.", "extra."
# Ten thousand classes with the longest names that folders have take 5 MB; of lists and objects there are a few dozen.
MOST_JSON, MOST_PARTS = 16 * 2**20, 100_000
# The largest network of the catalogue, VGG19 of width 4 at 224 px, has 9 GB of weights, and in the state up to three times that.
MOST_TENSORS = 32 * 2**30
MOST_CLASSES = 100_000
# Of the optimiser's: where each layer has its own rate there are two a layer.
MOST_GROUPS = 10_000
# What a folder of checkpoints holds: `<step>-<attempt>` and its parts, and what was being written when a process was killed.
_FILE = re.compile(r"\.?([0-9]{9,}-[0-9]+)\.(?:weights\.safetensors|state\.safetensors|json)(?:\.[0-9]+\.part)?")
_SLOT = re.compile(r"[0-9]{1,6}\.\w{1,50}")
# Of a file: nothing else helps than the checkpoint before. Any other error may be gone at the next try.
_OF_THE_FILE = (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError, plain_files.NotPlain)

Whole = Annotated[int, Field(ge=0, lt=2**53)]
Strict = ConfigDict(strict=True, frozen=True, extra="forbid")


class BadFolder(AthanorError):
    """What lies in the place of the checkpoints' folder is none. `fields` has `path`."""


class BadCheckpoint(AthanorError):
    """A checkpoint's file is missing, cut short or altered. `fields` has `file`."""

    def __init__(self, file: str) -> None:
        super().__init__("errors.bad_checkpoint", file=file)


class SumsForm(BaseModel):
    """`meter.Sums`."""

    model_config = Strict
    loss: float
    correct: float
    grad_norm: float
    images: Whole
    steps: Whole


class PlateauForm(BaseModel):
    """`schedules.Plateau`."""

    model_config = Strict
    best: float | None = None
    waited: Whole = 0
    drops: Whole = 0


class StateForm(BaseModel):
    """`happenings.State`."""

    model_config = Strict
    epoch: Whole
    step_in_epoch: Whole
    step: Whole
    best_loss: float | None
    best_epoch: Whole
    sums: SumsForm
    seconds: float
    plateau: PlateauForm = PlateauForm()


class FactsForm(BaseModel):
    """What else is kept, where it decides how much memory is taken, or is asked for by name."""

    model_config = ConfigDict(strict=True, frozen=True, extra="allow")
    __pydantic_extra__: dict[str, JsonValue]
    config: dict[str, dict[str, bool | int | float | str | None]] = Field(default_factory=dict)
    numerics: dict[str, bool | int | str] = Field(default_factory=dict)
    classes: list[Annotated[str, Field(max_length=1000)]] = Field(default_factory=list, max_length=MOST_CLASSES)
    channels: Literal[1, 3] = 3
    mean: list[float] = Field(default_factory=list, max_length=3)
    std: list[float] = Field(default_factory=list, max_length=3)
    data: str = ""
    best: str = ""
    data_in: Literal["memory", "blocks"] = "memory"
    seconds: float = 0.0


class Body(BaseModel):
    """The JSON of a checkpoint. `bytes` are those of its files."""

    model_config = Strict
    format: Literal[4, 5]
    files: dict[str, str]
    bytes: dict[str, Whole] = Field(default_factory=dict)
    state: StateForm
    groups: Annotated[list[dict[str, JsonValue]], Field(max_length=MOST_GROUPS)]
    extra: FactsForm


@dataclass(frozen=True)
class Extra:
    """What else is kept: `facts` is JSON."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    tensors: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Checkpoint:
    """A verified checkpoint, on the CPU. `weights` are what is evaluated; where they are an average, `raw` are those that are trained.

    `slots` maps `<parameter index>.<slot>` to the optimiser's tensors.
    """

    weights: dict[str, Tensor]
    raw: dict[str, Tensor]
    slots: dict[str, Tensor]
    groups: list[dict[str, Any]]
    state: State
    extra: Extra


@dataclass(frozen=True)
class Written:
    """A checkpoint that is whole on the disk. `epoch` counts completed epochs; `sha256` is of its JSON file."""

    name: str
    step: int
    epoch: int
    bytes: int
    sha256: str


def save(folder: Path, name: str, live: Live, state: State, extra: Extra = Extra()) -> Written:
    """Write the checkpoint; it is there when its last file is. Killed earlier it leaves files that no one takes for one.

    Raises BadCheckpoint when the disk does not give back what was written. Costs twice the checkpoint's size in memory.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kept = live.optimiser.state_dict()
    raw = {} if live.average is None else dict(live.model.named_parameters())
    tensors = _slots(kept["state"]) | _named(_RAW, raw) | _named(_EXTRA, extra.tensors)
    files = {f"{name}.{_WEIGHTS}": _packed(live.evaluated().state_dict()), f"{name}.{_STATE}": _packed(tensors)}
    hashes = {file: _write(folder / file, content) for file, content in files.items()}
    groups = [{key: value for key, value in group.items() if key != "params"} for group in kept["param_groups"]]
    sizes = {file: len(content) for file, content in files.items()}
    body = {"format": FORMAT, "files": hashes, "bytes": sizes, "state": asdict(state), "groups": groups, "extra": dict(extra.facts)}
    content = json.dumps({"body": body, "sha256": _hash(_canonical(body))}).encode()
    faults.point("checkpoint.before_commit")
    digest = _write(folder / f"{name}.json", content)
    size = len(content) + sum(map(len, files.values()))
    return Written(name, state.step, state.epoch, size, digest)


def load(folder: Path, name: str) -> Checkpoint:
    """Read and verify a checkpoint. Raises BadCheckpoint."""
    body = _read_body(folder / f"{name}.json")
    weights, tensors = (_read_tensors(folder / file, body) for file in (f"{name}.{_WEIGHTS}", f"{name}.{_STATE}"))
    parts = {"sums": Sums(**dict(body.state.sums)), "plateau": Plateau(**dict(body.state.plateau))}
    state = State(**(dict(body.state) | parts))
    raw, others = (_unnamed(prefix, tensors) for prefix in (_RAW, _EXTRA))
    slots = {key: tensor for key, tensor in tensors.items() if not key.startswith((_RAW, _EXTRA))}
    if not all(map(_SLOT.fullmatch, slots)) or not _shapes(raw).items() <= _shapes(weights).items():
        raise BadCheckpoint(f"{name}.{_STATE}")
    return Checkpoint(weights, raw, slots, body.groups, state, Extra(body.extra.model_dump(exclude_unset=True), others))


def require_fit(checkpoint: Checkpoint, model: nn.Module) -> None:
    """Raises BadCheckpoint when the weights are not those of such a network; on the device `meta` it takes no memory."""
    if _shapes(checkpoint.weights) != _shapes(model.state_dict()):
        raise BadCheckpoint(_WEIGHTS)


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    return {key: tensor.shape for key, tensor in tensors.items()}


def left_over(folder: Path, named: Collection[str]) -> list[Path]:
    """The files of checkpoints that are not among the named; nothing that others have put there. Raises BadFolder for a link."""
    require_folder(folder)
    found = [(file, _FILE.fullmatch(file.name)) for file in folder.glob("*")]
    return [file for file, name in found if name is not None and name[1] not in named and plain_files.is_plain(file)]


def require_folder(folder: Path) -> None:
    """Raises BadFolder when something else lies there: what is written would land elsewhere. A folder that is missing will be made."""
    if os.path.lexists(folder) and not plain_files.is_folder(folder):
        raise BadFolder("errors.no_plain_folder", path=shown(str(folder)))


def restore(checkpoint: Checkpoint, live: Live) -> None:
    """Put weights and optimiser state into the live objects, wherever and in whatever layout they lie.

    An average that was not kept begins at the weights; one that is not followed any longer is left out.
    """
    live.model.load_state_dict(checkpoint.weights | checkpoint.raw)
    if live.average is not None:
        live.average.model.load_state_dict(checkpoint.weights)
    optimiser = live.optimiser
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    slots: dict[int, dict[str, Tensor]] = {}
    for key, tensor in checkpoint.slots.items():
        index, slot = key.split(".", 1)
        slots.setdefault(int(index), {})[slot] = _laid_out_like(parameters[int(index)], tensor)
    current = optimiser.state_dict()["param_groups"]
    groups = [group | old | {"params": group["params"]} for old, group in zip(checkpoint.groups, current, strict=True)]
    optimiser.load_state_dict({"state": slots, "param_groups": groups})


def _laid_out_like(parameter: Tensor, tensor: Tensor) -> Tensor:
    """The fused optimisers walk weight and slot memory side by side: a slot in another layout would be read scrambled."""
    return torch.empty_like(parameter).copy_(tensor) if tensor.shape == parameter.shape else tensor


def _slots(state: Mapping[int, Mapping[str, Any]]) -> dict[str, Tensor]:
    return {f"{index}.{slot}": value for index, slots in state.items() for slot, value in slots.items() if value is not None}


def _named(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {prefix + key: tensor for key, tensor in tensors.items()}


def _unnamed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): tensor for key, tensor in tensors.items() if key.startswith(prefix)}


def _packed(tensors: Mapping[str, Tensor]) -> bytes:
    return to_bytes({key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()})


def _write(path: Path, content: bytes) -> str:
    """Written beside, on the disk, read back, then renamed; its hash."""
    expected = _hash(content)
    with plain_files.replacing(path) as file:
        faults.point("checkpoint.while_writing")
        file.write(content)
        plain_files.sync(file)
        file.seek(0)
        if _hash(file.read()) != expected:
            raise BadCheckpoint(path.name)
        faults.point("checkpoint.before_rename")
    return expected


def _read_body(path: Path) -> Body:
    try:
        whole = plain_files.read_json(_read(path, MOST_JSON), MOST_PARTS)
        if _hash(_canonical(whole["body"])) != whole["sha256"]:
            raise ValueError(whole["sha256"])
        return Body.model_validate(whole["body"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise BadCheckpoint(path.name) from None


def _read_tensors(path: Path, body: Body) -> dict[str, Tensor]:
    content = _read(path, body.bytes.get(path.name, MOST_TENSORS))
    if len(content) != body.bytes.get(path.name, len(content)) or _hash(content) != body.files.get(path.name):
        raise BadCheckpoint(path.name)
    try:
        return from_bytes(content)
    except (SafetensorError, ValueError, KeyError, TypeError):
        raise BadCheckpoint(path.name) from None


def _read(path: Path, limit: int) -> bytes:
    try:
        return plain_files.read_plain(path, min(limit, MOST_TENSORS))
    except _OF_THE_FILE:
        raise BadCheckpoint(path.name) from None


def _canonical(body: Any) -> bytes:
    return json.dumps(body, sort_keys=True).encode()


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
