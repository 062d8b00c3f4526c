"""The fastest setting of a network on this machine, where it was measured to be another than the catalog's.

Kept once for a network and resolution, so that runs which are to be compared share it; a folder carried elsewhere and another torch
are measured anew. Knows no store.
"""

import itertools
import platform
from dataclasses import replace
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict, ValidationError

from engine.config import KNOBS, RunConfig
from engine.config.model import OF_LAYERS
from engine.training.numerics import Numerics, Precision, choose
from engine.training.probing import Candidate, Probe

# So much faster than the catalog's setting, or the difference may be chance: speeds of a quarter of a second vary by a tenth.
MARGIN = 1.25
# Cores that others may keep busy meanwhile.
QUIET = 0.3
# Where Linux tells of processors, and what says which one it is: a virtual machine may name them all alike.
PROCESSORS = Path("/proc/cpuinfo")
NAMES = ("cpu family", "model", "model name", "CPU implementer", "CPU part")


class Way(BaseModel):
    """A precision and a layout."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")
    precision: Precision
    channels_last: bool


class Measured(BaseModel):
    """What the file holds: a way for each network that has one of its own, and from how many epochs of a dataset compiling pays."""

    model_config = ConfigDict(strict=True, extra="forbid")
    ways: dict[str, Way] = {}
    compiled: dict[str, int] = {}


def numerics(config: RunConfig, cores: int, file: Path) -> Numerics:
    """The numerics of a new run that may use so many CPU cores. Raises BadKnob when it asks for CUDA and there is none."""
    chosen = choose(config, cores)
    if chosen.deterministic:
        return chosen
    held = _read(file)
    way = held.ways.get(_key(config, chosen))
    taken = chosen if way is None else replace(chosen, precision=way.precision, channels_last=way.channels_last)
    enough = held.compiled.get(_work(config, chosen))
    alone = config.optimisation.accumulation == 1
    return replace(taken, compiled=enough is not None and alone and config.budget.epochs >= enough)


def keep(config: RunConfig, found: Probe, file: Path) -> bool:
    """Take note of a measurement that was undisturbed and clear, unless there is one already. True when it was."""
    if found.elsewhere > QUIET or found.left_out:
        return False
    own = next((one for one in found.candidates if one.chosen), None)
    if own is None:
        return False
    chosen, held = Numerics.from_dict(found.numerics), _read(file)
    best, enough = _clearly_faster(found, own), _repaid_after(found, own)
    fresh_way = best is not None and _key(config, chosen) not in held.ways
    # What was compiled is the way up to now; whether that pays for another one, its own measurement will tell.
    fresh_work = enough is not None and not fresh_way and _work(config, chosen) not in held.compiled
    if best is not None and fresh_way:
        held.ways[_key(config, chosen)] = Way(precision=best.precision, channels_last=best.channels_last)
    if enough is not None and fresh_work:
        held.compiled[_work(config, chosen)] = enough
    if fresh_way or fresh_work:
        _write(held, file)
    return fresh_way or fresh_work


def _write(held: Measured, file: Path) -> None:
    fresh = file.with_suffix(".part")
    fresh.write_text(held.model_dump_json(indent=1), encoding="utf-8")
    fresh.replace(file)


def _clearly_faster(found: Probe, own: Candidate) -> Candidate | None:
    best = found.candidates[found.fastest]
    return best if best.images_per_second > MARGIN * own.images_per_second else None


def _repaid_after(found: Probe, own: Candidate) -> int | None:
    """From how many epochs on the run's own way is to be compiled, where that is clearly faster."""
    if found.compiled is None or found.compiled.images_per_second <= MARGIN * own.images_per_second:
        return None
    return found.compiled.from_epochs


def _read(file: Path) -> Measured:
    try:
        return Measured.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return Measured()


def _key(config: RunConfig, chosen: Numerics) -> str:
    """What the fastest setting depends on most."""
    network = config.model.architecture, f"{config.model.width:g}", config.data.resolution
    named, unused = ("architecture", "width"), () if config.model.pooling == "compact_bilinear" else ("pooling_size",)
    matters = [name for name in OF_LAYERS if name not in (*named, *unused)]
    variants = [f"{name} {value}" for name in matters if (value := getattr(config.model, name)) != KNOBS[name].default]
    computer = chosen.device, chosen.threads * chosen.replicas, _computer(chosen.device), torch.__version__
    return "-".join(map(str, (*network, *variants, *computer)))


def _computer(device: str) -> str:
    """What computes, by its name."""
    if device != "cpu":
        return torch.cuda.get_device_name()
    try:
        with PROCESSORS.open(encoding="utf-8") as lines:
            facts = (line.partition(":") for line in itertools.takewhile(str.strip, lines))  # the first one stands for all
            names = [value.strip() for name, _, value in facts if name.strip() in NAMES]
    except OSError:
        names = []
    return " ".join(names) or f"{platform.processor() or platform.machine()} {torch.backends.cpu.get_cpu_capability()}"


def _work(config: RunConfig, chosen: Numerics) -> str:
    """What decides besides how long an epoch takes."""
    parts = _key(config, chosen), config.data.dataset, f"{config.data.train_share:g}", config.optimisation.batch_size
    return "-".join(map(str, parts))
