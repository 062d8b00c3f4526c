"""The planted runs as they are kept beside their plan, in one compressed file: facts as JSON, float32 with twelve bits of mantissa."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from engine.plain_files import replacing

FILE = Path(__file__).parent / "planted.npz"
PARTS = ("series", "truth")


def write(runs: list[dict[str, Any]], file: Path = FILE) -> None:
    """Replace what is kept; stopped halfway, the old file stays. Values are rounded to three digits: as much as any rule looks at."""
    facts, columns = [], []
    for run in runs:
        lengths = {part: {name: len(values) for name, values in run[part].items()} for part in PARTS}
        facts.append({**{name: value for name, value in run.items() if name not in PARTS}, "lengths": lengths})
        columns += [np.asarray(values, dtype=np.float32) for part in PARTS for values in run[part].values()]
    flat = np.concatenate(columns) if columns else np.empty(0, np.float32)
    with replacing(file) as beside:
        np.savez_compressed(beside, facts=np.frombuffer(json.dumps(facts).encode(), dtype=np.uint8), values=rounded(flat))


def rounded(values: np.ndarray) -> np.ndarray:
    """float32 with twelve bits of the mantissa: 2^-12 is .02 %, and the rest compresses to nothing."""
    bits = values.astype(np.float32).view(np.uint32)
    kept = ((bits + np.uint32(1 << 10)) & np.uint32(0xFFFFF800)).view(np.float32)
    return np.where(np.isfinite(values), kept, values)


def read(file: Path = FILE) -> list[dict[str, Any]]:
    """The runs that are kept, as `training.train` gave them."""
    with np.load(file) as held:
        facts, values = json.loads(held["facts"].tobytes()), held["values"]
    runs, at = [], 0
    for fact in facts:
        run = {name: value for name, value in fact.items() if name != "lengths"}
        for part in PARTS:
            run[part] = {}
            for name, length in fact["lengths"][part].items():
                run[part][name] = values[at : at + length]
                at += length
        runs.append(run)
    return runs
