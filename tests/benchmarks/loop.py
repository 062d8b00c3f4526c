"""How near the training loop comes to what the network alone allows: `python -m tests.benchmarks.loop`. Prints a table of ratios.

The limit is forward, backward and step on one batch that lies ready on the device, in the numerics (threads, precision, layout) that the
run takes, on CUDA where there is a device. Limit and loop take turns; a ratio is the median over the rounds.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.catalog import ARCHITECTURES
from engine.config import RunConfig
from engine.data.resident import Resident
from engine.models.building import build
from engine.training import optimisers
from engine.training.loop import Training
from engine.training.numerics import choose
from engine.training.rehearsal import Rehearsal, settle, unchanged_flags
from engine.training.replicas import Replica, replicas, side_by_side
from tests.benchmarks.pictures import resident, squares

SIDE = 32
# Those of the table of limits, at its batch and under every augmentation; of the others one says enough.
FIRST, BATCH = ("lenet", "vgg11_bn", "resnet18"), 128
USUAL, FEWER = "crop, flip", 64
NETS = (*FIRST, *(name for name in ARCHITECTURES if name not in FIRST))
AUGMENTATIONS = {
    "nothing": {},
    "crop, flip": {"crop": 0.125, "flip": 0.5},
    "crop, flip, rotation, jitter": {"crop": 0.125, "flip": 0.5, "rotation": 15.0, "colour_jitter": 0.2},
}


def limit(training: Training, batch: int, seconds: float) -> float:
    """Images per second of the network alone."""
    numerics = training.numerics
    pictures, labels = training.next_batch()
    pictures = numerics.place_batch(training.data.normalise(pictures[:batch]))
    several = replicas(training.model, numerics.replicas, numerics.device)
    training.model.train()
    shares = list(zip(several, pictures.tensor_split(len(several)), labels.tensor_split(len(several)), strict=True))

    def learn(share: tuple[Replica, Tensor, Tensor]) -> None:
        replica, seen, known = share
        with numerics.autocast():
            logits = replica.model(seen)
        functional.cross_entropy(logits.float(), known).backward()

    def step() -> None:
        training.optimiser.zero_grad()
        side_by_side(learn, shares)
        for other in several[1:]:
            several[0].add_gradients(other)
        optimisers.take_step(training.optimiser, 1e-5)

    return rate(step, batch, seconds, numerics.device)


def rate(step: Callable[[], None], images: int, seconds: float, device: str) -> float:
    """Images per second of a step that takes so many, after one to warm up."""
    step()
    settle(device)
    count, began = 0, time.perf_counter()
    while time.perf_counter() < began + seconds or count < 2:
        step()
        count += 1
    settle(device)
    return count * images / (time.perf_counter() - began)


def compare(config: RunConfig, data: Resident, rounds: int, seconds: float, cores: int) -> tuple[float, float, float]:
    """Medians: the limit, the loop, and loop / limit. The two change places every round."""
    with unchanged_flags():
        numerics = choose(config, cores)
        numerics.apply()
        torch.manual_seed(0)
        network: nn.Module = numerics.place_model(build(config.model, data.channels, len(data.classes), config.data.resolution))
        loop = Rehearsal(config, network, data, lambda: True)
        training = Training(network, data, config, numerics)
        batch = config.optimisation.batch_size
        limits, loops = [], []
        turns = [
            lambda: limits.append(limit(training, batch, seconds)),
            lambda: loops.append(loop.steps(numerics, batch, seconds).images_per_second),
        ]
        for number in range(rounds):
            for turn in turns if number % 2 else reversed(turns):
                turn()
        ratios = [ours / most for ours, most in zip(loops, limits, strict=True)]
    return statistics.median(limits), statistics.median(loops), statistics.median(ratios)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--nets", nargs="+", default=list(NETS), choices=NETS)
    parser.add_argument("--side", type=int, default=SIDE, help="pixels of the pictures")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--cores", type=int, default=2)
    given = parser.parse_args()
    data = resident(*squares(given.side), device="cuda" if torch.cuda.is_available() else "cpu")
    for net in given.nets:
        batch = BATCH if net in FIRST else FEWER
        for name in AUGMENTATIONS if net in FIRST else (USUAL,):
            config = RunConfig.from_flat({"architecture": net, "batch_size": batch, "resolution": given.side, **AUGMENTATIONS[name]})
            most, ours, ratio = compare(config, data, given.rounds, given.seconds, given.cores)
            print(f"{net:<18} {name:<30} limit {most:9,.0f}   loop {ours:9,.0f} images/s   {ratio:.3f}", flush=True)


if __name__ == "__main__":
    main()
