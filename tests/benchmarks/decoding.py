"""How fast a folder of JPEG pictures is decoded into the cache: `python -m tests.benchmarks.decoding`. Prints medians and ratios.

Beside it joblib opens, decodes and resizes the same files on every core, and keeps nothing of them. All take turns.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import joblib
import numpy as np
from PIL import Image

from engine.config.data import DataConfig
from engine.data.decode import POLICIES
from engine.data.loading import load

SIDE, QUALITY, CLASSES = 256, 90, 10
# Squares of one colour in a row of a picture before it is enlarged: as many details as a photograph of this size, about 25 kB.
BLOBS, GRAIN = 32, 12
CORES = joblib.cpu_count()


def plant(tree: Path, count: int) -> list[Path]:
    """A class-per-folder tree of so many pictures; its files."""
    draw = np.random.default_rng(0)
    files = [tree / f"class {number % CLASSES}" / f"{number:05}.jpg" for number in range(count)]
    for folder in {file.parent for file in files}:
        folder.mkdir(parents=True)
    for file in files:
        blobs = Image.fromarray(draw.integers(0, 256, (BLOBS, BLOBS, 3), dtype=np.uint8))
        smooth = np.asarray(blobs.resize((SIDE, SIDE), Image.Resampling.BICUBIC), dtype=np.int16)
        grained = smooth + draw.integers(-GRAIN, GRAIN, (SIDE, SIDE, 1), dtype=np.int16)
        Image.fromarray(grained.clip(0, 255).astype(np.uint8)).save(file, quality=QUALITY)
    return files


def small(file: Path, resolution: int) -> np.ndarray:
    """What has to be done to a picture, and nothing else."""
    with Image.open(file) as image:
        return np.asarray(POLICIES["squash"](image.convert("RGB"), resolution))


def plainly(files: list[Path], resolution: int, kind: str) -> None:
    # batch_size stays `auto`: joblib finds how many files to hand over at a time.
    joblib.Parallel(n_jobs=CORES, prefer=kind)(joblib.delayed(small)(file, resolution) for file in files)


def ours(tree: Path, resolution: int) -> None:
    """As a run reads a folder that it has not seen yet: names, pictures, the cache on disk."""
    with tempfile.TemporaryDirectory(dir=tree.parent) as cache:
        load(DataConfig(dataset=tree.name, resolution=resolution), [tree.parent], Path(cache))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--resolutions", type=int, nargs="+", default=[32, 224])
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = plant(Path(folder, "planted"), given.pictures)
        size = statistics.mean(file.stat().st_size for file in files) / 1e3
        print(f"{given.pictures:,} JPEG pictures of {SIDE} px, {size:.0f} kB each, {CORES} cores", flush=True)
        for resolution in given.resolutions:
            compare(files, resolution, given.rounds)


def compare(files: list[Path], resolution: int, rounds: int) -> None:
    tree = files[0].parents[1]
    turns = {
        "ours": lambda: ours(tree, resolution),
        "joblib, processes": lambda: plainly(files, resolution, "processes"),
        "joblib, threads": lambda: plainly(files, resolution, "threads"),
    }
    speeds: dict[str, list[float]] = {name: [] for name in turns}
    plainly(files[:200], resolution, "processes")  # its processes start
    for _ in range(rounds):
        for name, act in turns.items():
            begun = time.perf_counter()
            act()
            speeds[name].append(len(files) / (time.perf_counter() - begun))
    for name, seen in speeds.items():
        ratio = statistics.median(mine / theirs for mine, theirs in zip(speeds["ours"], seen, strict=True))
        print(f"{resolution:4} px  {name:<20} {statistics.median(seen):8,.0f} pictures/s   ours / it {ratio:.2f}", flush=True)


if __name__ == "__main__":
    main()
