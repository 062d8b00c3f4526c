"""Where the time of a training step goes: `python -m tests.benchmarks.profile`.

Shares of the processor's time over some steps of the loop, by kind of operation, from torch's profiler; and how much of the convolution
peak measured here the whole step reaches (forward and backward counted as three times the forward pass).
"""

import argparse
import time
from collections import Counter

import torch
from torch import nn
from torch._C._profiler import _ExperimentalConfig
from torch.profiler import ProfilerActivity

from engine.config import RunConfig
from engine.models.building import build
from engine.training.facts import facts
from engine.training.loop import Training
from engine.training.numerics import choose
from engine.training.rehearsal import unchanged_flags
from tests.benchmarks.pictures import resident, squares

NETS = {"lenet": (128, 32), "resnet18": (128, 32), "mobilenet_v2": (64, 64)}
# The first that a name contains says its kind.
KINDS = {
    "convolution": ("convolution", "mkldnn"),
    "fully connected": ("aten::mm", "addmm", "aten::linear"),
    "normalisation": ("batch_norm",),
    "pooling": ("pool", "aten::mean"),
    "activation": ("relu", "threshold", "clamp", "hardtanh"),
    "pictures": ("index_select", "gather", "aten::flip", "aten::cat", "grid_sampler", "reflection_pad", "randint", "unfold"),
    "dropout": ("aten::rand", "bernoulli", "dropout"),
    "optimiser": ("Optimizer", "fused", "foreach"),
    "loss": ("log_softmax", "nll_loss", "argmax", "aten::eq"),
    "casts and copies": ("copy_", "_to_copy", "aten::to", "fill_", "zero_", "aten::add", "aten::mul", "aten::div", "aten::sub"),
}


def shares(training: Training, steps: int) -> tuple[dict[str, float], float]:
    """Kind -> share of the processor's time, the largest first; and seconds of a step without the profiler."""
    run = training.run()
    for _ in range(3):
        next(run)
    began = time.perf_counter()
    for _ in range(steps):
        next(run)
    seconds = (time.perf_counter() - began) / steps
    everywhere = _ExperimentalConfig(profile_all_threads=True)
    with torch.profiler.profile(activities=[ProfilerActivity.CPU], experimental_config=everywhere) as profile:
        for _ in range(steps):
            next(run)
    times = Counter[str]()
    for event in profile.key_averages():
        times[kind(event.key)] += event.self_cpu_time_total
    return {name: spent / times.total() for name, spent in times.most_common()}, seconds


def kind(name: str) -> str:
    """What an operation counts as."""
    return next((kind for kind, parts in KINDS.items() if any(part in name for part in parts)), "rest")


def peak(precision: str, seconds: float = 1.0) -> float:
    """FLOP per second of a large convolution, the best layout and size for this machine, forward only."""
    layer = nn.Conv2d(256, 256, 3, padding=1).to(memory_format=torch.channels_last)
    pictures = torch.rand(32, 256, 28, 28).to(memory_format=torch.channels_last)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=precision != "fp32"):
        layer(pictures)
        count, began = 0, time.perf_counter()
        while time.perf_counter() < began + seconds:
            layer(pictures)
            count += 1
        spent = time.perf_counter() - began
    return count * 2 * 32 * 28 * 28 * 256 * 256 * 9 / spent


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--nets", nargs="+", default=list(NETS), choices=list(NETS))
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--cores", type=int, default=2)
    given = parser.parse_args()
    for net in given.nets:
        batch, side = NETS[net]
        config = RunConfig.from_flat(
            {"architecture": net, "batch_size": batch, "resolution": side, "crop": 0.125, "flip": 0.5, "device": "cpu"}
        )
        with unchanged_flags():
            numerics = choose(config, given.cores)
            numerics.apply()
            data = resident(*squares(side))
            torch.manual_seed(0)
            model = build(config.model, data.channels, len(data.classes), side)
            found, seconds = shares(Training(model, data, config, numerics), given.steps)
            torch.set_num_threads(given.cores)
            most = peak(numerics.precision)
        work = 3 * facts(config, data.channels, len(data.classes)).flops * batch / seconds
        print(f"{net}, {numerics.precision}, {batch} pictures of {side} px: {1e3 * seconds:.1f} ms a step")
        print(f"  {work / 1e9:,.0f} of {most / 1e9:,.0f} GFLOP/s of a large convolution here: {work / most:.0%}")
        for name, share in found.items():
            print(f"  {name:<18} {share:6.1%}", flush=True)


if __name__ == "__main__":
    main()
