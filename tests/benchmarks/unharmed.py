"""What the fast setting costs in accuracy: `python -m tests.benchmarks.unharmed`.

The same runs in exact and in automatic numerics, a pair for each seed, same split, on a part of Fashion-MNIST (else on digits): validation
accuracy after the last epoch, and the mean difference with its 95 % t-interval. The test part is never read.
"""

import argparse
import tempfile
import time
from pathlib import Path

import torch

from engine.config import RunConfig
from engine.data.loading import load
from engine.data.resident import Resident
from engine.data.split import split
from engine.models.building import build
from engine.statistics import means
from engine.training.happenings import EpochDone
from engine.training.loop import Training
from engine.training.numerics import choose
from engine.training.rehearsal import unchanged_flags
from tests.benchmarks.pictures import SHARED

RECIPE = {"optimizer": "adamw", "weight_decay": 1e-2, "schedule": "one_cycle", "learning_rate": 3e-3, "flip": 0.5, "batch_size": 64}
NETS = {
    "lenet": {"resolution": 28, "epochs": 8},
    "vgg11_bn": {"resolution": 32, "width": 0.25, "epochs": 4},
    "resnet18": {"resolution": 16, "width": 0.25, "epochs": 4},
    "mobilenet_v2": {"resolution": 16, "width": 0.5, "epochs": 4},
}


def accuracy(config: RunConfig, cores: int, cache: Path) -> tuple[float, float]:
    """Validation accuracy after the last epoch, and the seconds that training took."""
    with unchanged_flags():
        numerics = choose(config, cores)
        numerics.apply()
        dataset = load(config.data, [SHARED], cache)
        data = Resident.load(dataset, split(dataset, config.data), numerics.device)
        torch.manual_seed(config.budget.seed)
        model = build(config.model, data.channels, len(data.classes), config.data.resolution)
        began, last = time.perf_counter(), 0.0
        for happening in Training(model, data, config, numerics).run():
            if isinstance(happening, EpochDone):
                last = happening.metrics["val_accuracy"]
        return last, time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--nets", nargs="+", default=list(NETS), choices=list(NETS))
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--share", type=float, default=0.1, help="of the training pictures")
    parser.add_argument("--cores", type=int, default=2)
    given = parser.parse_args()
    dataset = {"dataset": "fashion_mnist", "train_share": given.share} if (SHARED / "FashionMNIST").is_dir() else {"dataset": "digits"}
    with tempfile.TemporaryDirectory() as cache:
        for net in given.nets:
            config = RunConfig.from_flat(RECIPE | dataset | {"architecture": net} | NETS[net])
            pairs, times = list[tuple[float, float]](), {"exact": 0.0, "auto": 0.0}
            for seed in range(given.seeds):
                found = {}
                for precision in times:
                    found[precision], seconds = accuracy(config.changed(seed=seed, precision=precision), given.cores, Path(cache))
                    times[precision] += seconds
                pairs.append((found["exact"], found["auto"]))
            difference = means.mean([100 * (auto - exact) for exact, auto in pairs])
            exact, auto = (100 * sum(side) / len(pairs) for side in zip(*pairs, strict=True))
            print(
                f"{net:<14} exact {exact:.2f} %   auto {auto:.2f} %   auto - exact {difference.value:+.2f} points"
                f" ({difference.low:+.2f} to {difference.high:+.2f}, {len(pairs)} pairs)   {times['exact'] / times['auto']:.2f} x as fast",
                flush=True,
            )


if __name__ == "__main__":
    main()
