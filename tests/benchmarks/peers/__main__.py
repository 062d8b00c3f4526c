"""Athanor beside its peers: `python -m tests.benchmarks.peers`. Prints images per second, medians of runs in turn, and ratios.

Each peer is installed from PyPI into `bench/<peer>` when it is first asked for; torch is the project's own.
"""

import argparse
import json
import os
import site
import statistics
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.pictures import TRAIN, VALIDATION, squares
from tests.conftest import ROOT

BENCH = ROOT / "bench"
PEERS = {
    "athanor": "",
    "plain": "",
    "lightning": "lightning==2.6.6",
    "fastai": "fastai==2.8.12",
    "skorch": "skorch==1.4.0",
    "keras": "keras==3.15.1",
}
# Nets with their batch, and how many pictures each trains on and validates on: an epoch takes some seconds.
NETS = {"lenet": (128, TRAIN, VALIDATION), "vgg11_bn": (128, 2_560, 512), "resnet18": (128, 1_280, 256)}
ROUNDS = {"lenet": 3, "vgg11_bn": 2, "resnet18": 2}


def environment(peer: str) -> Path:
    """The interpreter that has the peer; made when it is not there."""
    if not PEERS[peer]:
        return Path(sys.executable)
    folder = BENCH / peer
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        packages = next((folder / "lib").iterdir()) / "site-packages"
        (packages / "project.pth").write_text(site.getsitepackages()[0])
        subprocess.run([python, "-m", "pip", "install", "-q", PEERS[peer]], check=True)
    return python


def invocation(peer: str, net: str) -> tuple[list[str], dict[str, Any]]:
    """The command of one training, and where it runs."""
    batch, train, validation = NETS[net]
    BENCH.mkdir(exist_ok=True)
    pictures = BENCH / f"pictures-{train}-{validation}.npz"
    if not pictures.exists():
        images, labels = squares(32)
        chosen = np.r_[:train, TRAIN : TRAIN + validation]
        np.savez(pictures, images=images[chosen], labels=labels[chosen])
    command = [environment(peer), "-m", f"tests.benchmarks.peers.{peer}", "--net", net, "--pictures", pictures]
    command += ["--batch", str(batch), "--validation", str(validation)]
    return list(map(str, command)), {"cwd": ROOT, "env": os.environ | {"PYTHONPATH": str(ROOT)}}


def measure(peer: str, net: str) -> float:
    """Images per second of one training in a process of its own."""
    command, outside = invocation(peer, net)
    done = subprocess.run(command, check=False, capture_output=True, text=True, **outside)
    if done.returncode:
        raise SystemExit(f"{peer}: {done.stderr[-3000:]}")
    return float(json.loads(done.stdout.strip().splitlines()[-1])["images_per_second"])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--nets", nargs="+", default=list(NETS), choices=list(NETS))
    parser.add_argument("--peers", nargs="+", default=list(PEERS), choices=list(PEERS))
    parser.add_argument("--rounds", type=int, help="of every network; without it three of LeNet, two of the others")
    given = parser.parse_args()
    for net in given.nets:
        found: dict[str, list[float]] = {peer: [] for peer in given.peers}
        for _ in range(given.rounds or ROUNDS[net]):
            for peer in given.peers:
                found[peer].append(measure(peer, net))
        for peer, speeds in found.items():
            ratios = [ours / theirs for ours, theirs in zip(found[given.peers[0]], speeds, strict=True)]
            print(
                f"{net:<10} {peer:<10} {statistics.median(speeds):9,.0f} images/s   {given.peers[0]} / it {statistics.median(ratios):5.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
