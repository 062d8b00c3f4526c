"""The fastest setting of a network on this machine, where it was measured to be another than the catalog's.

Kept once for a network and resolution, so that runs which are to be compared share it. Knows no store.
"""

from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from engine.config import RunConfig
from engine.training.numerics import Numerics, Precision, choose
from engine.training.probing import Candidate, Probe

# So much faster than the catalog's setting, or the difference may be chance: speeds of a quarter of a second vary by a tenth.
MARGIN = 1.25
# Cores that others may keep busy meanwhile.
QUIET = 0.3


class Way(BaseModel):
    """A precision and a layout."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")
    precision: Precision
    channels_last: bool


class Measured(BaseModel):
    """What the file holds: a way for each network that has one of its own."""

    model_config = ConfigDict(strict=True, extra="forbid")
    ways: dict[str, Way] = {}


def numerics(config: RunConfig, cores: int, file: Path) -> Numerics:
    """The numerics of a new run that may use so many CPU cores. Raises BadKnob when it asks for CUDA and there is none."""
    chosen = choose(config, cores)
    way = _read(file).ways.get(_key(config, chosen))
    if way is None or chosen.deterministic:
        return chosen
    return replace(chosen, precision=way.precision, channels_last=way.channels_last)


def keep(config: RunConfig, found: Probe, file: Path) -> bool:
    """Take note of a measurement that was undisturbed and clear, unless there is one already. True when it was."""
    chosen, best = Numerics.from_dict(found.numerics), _clearly_faster(found)
    if best is None or found.elsewhere > QUIET:
        return False
    held, key = _read(file), _key(config, chosen)
    if key in held.ways:
        return False
    held.ways[key] = Way(precision=best.precision, channels_last=best.channels_last)
    fresh = file.with_suffix(".part")
    fresh.write_text(held.model_dump_json(indent=1), encoding="utf-8")
    fresh.replace(file)
    return True


def _clearly_faster(found: Probe) -> Candidate | None:
    own = next((one for one in found.candidates if one.chosen), None)
    if own is None or found.left_out:
        return None
    best = found.candidates[found.fastest]
    return best if best.images_per_second > MARGIN * own.images_per_second else None


def _read(file: Path) -> Measured:
    try:
        return Measured.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return Measured()


def _key(config: RunConfig, chosen: Numerics) -> str:
    """What the fastest setting depends on most."""
    parts = config.model.architecture, f"{config.model.width:g}", config.data.resolution, chosen.device, chosen.threads * chosen.replicas
    return "-".join(map(str, parts))
