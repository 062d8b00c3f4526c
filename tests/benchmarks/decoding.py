"""A folder of pictures decoded into the cache, beside what joblib can do on all cores: `python -m tests.benchmarks.decoding`.

JPEGs of 256 px, made on the spot, to squares. joblib only opens, decodes and shrinks them; Athanor besides checks each file, tells equal
pictures by their content and writes the cache. In turn; medians; joblib by processes and by threads, whichever is faster.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import joblib
import numpy as np
from PIL import Image

from engine.config.data import DataConfig
from engine.data.loading import load

SIDE, CLASSES = 256, 10


def tree(folder: Path, count: int) -> list[Path]:
    """So many JPEGs, a folder for each class; smooth noise, so that they are of the size of photographs (20 kB)."""
    draw = np.random.default_rng(0)
    files = [folder / f"class {number % CLASSES}" / f"{number}.jpg" for number in range(count)]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        rough = Image.fromarray(draw.integers(0, 256, (SIDE // 4, SIDE // 4, 3), dtype=np.uint8))
        rough.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(file, quality=90)
    return files


def plain(file: Path, resolution: int) -> np.ndarray:
    """Open, decode, shrink."""
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB").resize((resolution, resolution), Image.Resampling.LANCZOS))


def rate(work: Callable[[], object], count: int) -> float:
    """Pictures per second."""
    began = time.perf_counter()
    work()
    return count / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--resolution", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        files, config = tree(root / "data" / "photos", given.pictures), DataConfig(dataset="photos", resolution=given.resolution)
        found: dict[str, list[float]] = {"athanor": [], "processes": [], "threads": []}
        for number in range(given.rounds):
            cache = root / f"cache {number}"
            found["athanor"].append(rate(lambda cache=cache: load(config, [root / "data"], cache), given.pictures))  # type: ignore[misc]
            for kind in ("processes", "threads"):
                pool = joblib.Parallel(n_jobs=joblib.cpu_count(), prefer=kind)
                work = [joblib.delayed(plain)(file, given.resolution) for file in files]
                found[kind].append(rate(lambda pool=pool, work=work: pool(work), given.pictures))  # type: ignore[misc]
        best = [max(pair) for pair in zip(found["processes"], found["threads"], strict=True)]
        ratio = statistics.median(ours / theirs for ours, theirs in zip(found["athanor"], best, strict=True))
        told = ", ".join(f"{kind} {statistics.median(speeds):,.0f}" for kind, speeds in found.items())
        print(f"{given.pictures:,} pictures to {given.resolution} px, pictures/s: {told}; Athanor / the faster joblib {ratio:.2f}")


if __name__ == "__main__":
    main()
