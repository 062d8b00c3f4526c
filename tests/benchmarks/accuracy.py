"""Seconds of training until a validation accuracy is reached on Fashion-MNIST: `python -m tests.benchmarks.accuracy`.

The presets beside Lightning and Keras with their defaults on the same networks, one process each, in turn, a seed a round. Reading the
pictures and starting the process are not counted; validation is. The test part is never read. Needs Fashion-MNIST beside the project.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from engine.data.loading import load
from engine.data.split import split
from engine.presets import PRESETS
from tests.benchmarks.peers.__main__ import BENCH, environment
from tests.benchmarks.pictures import SHARED
from tests.conftest import ROOT

ACCURACIES = {"sprint_90": 0.90, "sprint_92": 0.92}
PEERS = ("athanor", "lightning", "keras")


def pictures(preset: str) -> Path:
    """The preset's training and validation pictures in a file."""
    config = PRESETS[preset].config().data
    file = BENCH / f"fashion-{config.resolution}-{config.validation_share:g}.npz"
    if not file.exists():
        BENCH.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory() as cache:
            dataset = load(config, [SHARED], Path(cache))
            parts = split(dataset, config)
            chosen = np.concatenate([parts.train, parts.validation])
            np.savez(file, images=dataset.images[chosen], labels=dataset.labels[chosen], held=len(parts.validation))
    return file


def race(peer: str, preset: str, seed: int, seconds: float) -> dict[str, float]:
    """One training in a process of its own."""
    command = [environment(peer), "-m", f"tests.benchmarks.peers.{peer}_target", "--preset", preset, "--pictures", pictures(preset)]
    command += ["--seed", seed, "--accuracy", ACCURACIES[preset], "--seconds", seconds]
    outside = {"cwd": ROOT, "env": os.environ | {"PYTHONPATH": str(ROOT)}}
    done = subprocess.run(list(map(str, command)), check=False, capture_output=True, text=True, **outside)
    if done.returncode:
        raise SystemExit(f"{peer}: {done.stderr[-3000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--presets", nargs="+", default=list(ACCURACIES), choices=list(ACCURACIES))
    parser.add_argument("--peers", nargs="+", default=list(PEERS), choices=list(PEERS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=240.0, help="after which one is given up")
    given = parser.parse_args()
    if not (SHARED / "FashionMNIST").is_dir():
        print("skipped: Fashion-MNIST is not beside the project")
        return
    for preset in given.presets:
        found: dict[str, list[dict[str, float]]] = {peer: [] for peer in given.peers}
        for seed in range(given.seeds):
            for peer in given.peers:
                found[peer].append(race(peer, preset, seed, given.seconds))
        for peer, races in found.items():
            seconds, reached = [one["seconds"] for one in races], sum(bool(one["reached"]) for one in races)
            best = statistics.median(one["best"] for one in races)
            print(
                f"{preset:<10} {peer:<10} {reached} of {len(races)} seeds   median {statistics.median(seconds):6.1f} s"
                f"   ({min(seconds):.1f} to {max(seconds):.1f})   best accuracy {best:.4f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
