"""What a CUDA device does: `python -m tests.benchmarks.gpu`. Prints images per second, and the CIFAR-10 sprint where the pictures are.

Each network trains its own loop plainly and compiled (CUDA graphs), in turn; beside the ratio stand the seconds until the compiled one was
ready. The sprint is the preset `cifar_sprint`: seconds of training with its evaluations, and validation accuracy after the last epoch.
"""

import argparse
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch

from engine.config import RunConfig
from engine.data.loading import load
from engine.data.resident import Resident
from engine.data.split import split
from engine.models.building import build
from engine.presets import PRESETS
from engine.training.happenings import EpochDone
from engine.training.loop import Training
from engine.training.numerics import choose
from engine.training.rehearsal import Rehearsal, settle
from engine.training.session import first_sight
from tests.benchmarks.pictures import resident, squares

# Batch and resolution.
NETS = {"lenet": (128, 32), "vgg11_bn": (512, 32), "resnet18": (512, 32), "mobilenet_v2": (256, 64), "speedrun": (1024, 32)}
SECONDS = 2.0


def compare(net: str, rounds: int) -> None:
    batch, side = NETS[net]
    config = RunConfig.from_flat({"architecture": net, "batch_size": batch, "resolution": side, "crop": 0.125, "flip": 0.5})
    numerics = choose(config, 1)
    numerics.apply()
    data = resident(*squares(side), device=numerics.device)
    model = numerics.place_model(build(config.model, data.channels, len(data.classes), side))
    rehearsal = Rehearsal(config, model, data, lambda: True)
    plain, compiled, ready = list[float](), list[float](), list[float]()
    for _ in range(rounds):
        plain.append(rehearsal.steps(numerics, batch, SECONDS).images_per_second)
        stint = rehearsal.steps(replace(numerics, compiled=True), batch, SECONDS)
        compiled.append(stint.images_per_second)
        ready.append(stint.ready_seconds)
    ratio = statistics.median(one / other for one, other in zip(compiled, plain, strict=True))
    speeds = f"plain {statistics.median(plain):11,.0f}   compiled {statistics.median(compiled):11,.0f} images/s"
    print(f"{net:<14} {speeds}   {ratio:.2f}   ready after {ready[0]:.0f} s at first, then {ready[-1]:.0f} s", flush=True)


def sprint(data_root: Path, seeds: int, compiled: bool) -> None:
    found = []
    for seed in range(seeds):
        torch.compiler.reset()
        config = PRESETS["cifar_sprint"].config().changed(seed=seed)
        numerics = replace(choose(config, 1), compiled=compiled)
        numerics.apply()
        with tempfile.TemporaryDirectory() as cache:
            dataset = load(config.data, [data_root], Path(cache))
        data = Resident.load(dataset, split(dataset, config.data), numerics.device)
        torch.manual_seed(seed)
        model = build(config.model, data.channels, len(data.classes), config.data.resolution)
        first_sight(model, data)
        settle(numerics.device)
        began = time.perf_counter()
        epochs = [happening for happening in Training(model, data, config, numerics).run() if isinstance(happening, EpochDone)]
        found.append((time.perf_counter() - began, epochs[-1].metrics["val_accuracy"]))
    seconds, accuracies = zip(*found, strict=True)
    print(
        f"cifar_sprint {'compiled' if compiled else 'plain':<9} median {statistics.median(seconds):.1f} s"
        f"   validation accuracy {statistics.mean(accuracies):.4f} ({min(accuracies):.4f} to {max(accuracies):.4f}, {seeds} seeds)",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--nets", nargs="+", default=list(NETS), choices=list(NETS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--data", type=Path, default=Path("data"), help="where cifar-10-batches-py lies")
    given = parser.parse_args()
    if not torch.cuda.is_available():
        raise SystemExit("there is no CUDA device")
    for net in given.nets:
        compare(net, given.rounds)
    if not (given.data / "cifar-10-batches-py").is_dir():
        raise SystemExit(f"CIFAR-10 is not in {given.data}; the sprint was not run")
    for compiled in (False, True):
        sprint(given.data, given.seeds, compiled)


if __name__ == "__main__":
    main()
