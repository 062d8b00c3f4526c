"""Checkpoints on disk: weights and state as safetensors, counters as JSON. Nothing is pickled.

A checkpoint `name` is three files: `name.weights.safetensors`, `name.state.safetensors` (optimiser and what else a resume needs)
and, written last, `name.json`, which holds the hashes of the other two and of itself. What does not match is refused. Names are
never used twice, so a checkpoint is whole or it is not there. Knows no loop and no store.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as from_bytes
from safetensors.torch import save as to_bytes
from torch import Tensor, nn
from torch.optim import Optimizer

from engine import faults
from engine.errors import AthanorError
from engine.training.happenings import State
from engine.training.meter import Sums

FORMAT = 2
_WEIGHTS, _STATE = "weights.safetensors", "state.safetensors"
# In the state file, before the names of the tensors that are not the optimiser's.
_EXTRA = "extra."


class BadCheckpoint(AthanorError):
    """A checkpoint's file is missing, cut short or altered. `fields` has `file`."""

    def __init__(self, file: str) -> None:
        super().__init__("errors.bad_checkpoint", file=file)


@dataclass(frozen=True)
class Extra:
    """What else is kept: `facts` is JSON."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    tensors: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Checkpoint:
    """A verified checkpoint, on the CPU. `slots` maps `<parameter index>.<slot>` to the optimiser's tensors."""

    weights: dict[str, Tensor]
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


def save(folder: Path, name: str, model: nn.Module, optimiser: Optimizer, state: State, extra: Extra = Extra()) -> Written:
    """Write the checkpoint; it is there when its last file is. Killed earlier it leaves files that no one takes for one.

    Raises BadCheckpoint when the disk does not give back what was written. Costs twice the checkpoint's size in memory.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kept = optimiser.state_dict()
    tensors = _slots(kept["state"]) | {_EXTRA + key: tensor for key, tensor in extra.tensors.items()}
    files = {f"{name}.{_WEIGHTS}": _packed(model.state_dict()), f"{name}.{_STATE}": _packed(tensors)}
    hashes = {file: _write(folder / file, content) for file, content in files.items()}
    groups = [{key: value for key, value in group.items() if key != "params"} for group in kept["param_groups"]]
    body = {"format": FORMAT, "files": hashes, "state": asdict(state), "groups": groups, "extra": dict(extra.facts)}
    content = json.dumps({"body": body, "sha256": _hash(_canonical(body))}).encode()
    faults.point("checkpoint.before_commit")
    digest = _write(folder / f"{name}.json", content)
    size = len(content) + sum(map(len, files.values()))
    return Written(name, state.step, state.epoch, size, digest)


def load(folder: Path, name: str) -> Checkpoint:
    """Read and verify a checkpoint. Raises BadCheckpoint."""
    body = _read_body(folder / f"{name}.json")
    weights, tensors = (_read_tensors(folder / file, body["files"].get(file)) for file in (f"{name}.{_WEIGHTS}", f"{name}.{_STATE}"))
    state = State(**(body["state"] | {"sums": Sums(**body["state"]["sums"])}))
    slots = {key: tensor for key, tensor in tensors.items() if not key.startswith(_EXTRA)}
    others = {key.removeprefix(_EXTRA): tensor for key, tensor in tensors.items() if key.startswith(_EXTRA)}
    return Checkpoint(weights, slots, body["groups"], state, Extra(body["extra"], others))


def restore(checkpoint: Checkpoint, model: nn.Module, optimiser: Optimizer) -> None:
    """Put weights and optimiser state into the live objects, wherever and in whatever layout they lie."""
    model.load_state_dict(checkpoint.weights)
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    slots: dict[int, dict[str, Tensor]] = {}
    for key, tensor in checkpoint.slots.items():
        index, slot = key.split(".", 1)
        slots.setdefault(int(index), {})[slot] = _laid_out_like(parameters[int(index)], tensor)
    live = optimiser.state_dict()["param_groups"]
    groups = [old | {"params": group["params"]} for old, group in zip(checkpoint.groups, live, strict=True)]
    optimiser.load_state_dict({"state": slots, "param_groups": groups})


def _laid_out_like(parameter: Tensor, tensor: Tensor) -> Tensor:
    """The fused optimisers walk weight and slot memory side by side: a slot in another layout would be read scrambled."""
    return torch.empty_like(parameter).copy_(tensor) if tensor.shape == parameter.shape else tensor


def _slots(state: Mapping[int, Mapping[str, Any]]) -> dict[str, Tensor]:
    return {f"{index}.{slot}": value for index, slots in state.items() for slot, value in slots.items() if value is not None}


def _packed(tensors: Mapping[str, Tensor]) -> bytes:
    return to_bytes({key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()})


def _write(path: Path, content: bytes) -> str:
    """Temp file, fsync, read back, rename, fsync the folder: after a crash there is the old file or the new one."""
    expected = _hash(content)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with beside.open("wb") as file:
            faults.point("checkpoint.while_writing")
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if _hash(beside.read_bytes()) != expected:
            raise BadCheckpoint(path.name)
        faults.point("checkpoint.before_rename")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    _sync_folder(path.parent)
    return expected


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _read_body(path: Path) -> dict[str, Any]:
    try:
        whole = json.loads(_read(path))
        body, expected = whole["body"], whole["sha256"]
    except (ValueError, KeyError, TypeError):
        raise BadCheckpoint(path.name) from None
    if _hash(_canonical(body)) != expected:
        raise BadCheckpoint(path.name)
    return body


def _read_tensors(path: Path, expected: str | None) -> dict[str, Tensor]:
    content = _read(path)
    if _hash(content) != expected:
        raise BadCheckpoint(path.name)
    try:
        return from_bytes(content)
    except SafetensorError:
        raise BadCheckpoint(path.name) from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise BadCheckpoint(path.name) from None


def _canonical(body: dict[str, Any]) -> bytes:
    return json.dumps(body, sort_keys=True).encode()


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
