"""Do the prescriptions work? `python -m tests.benchmarks.remedies`, up to half an hour on two cores; `--quick` with two seeds.

Configs that are ill on real data, a pair of runs for each of five seeds, both trained anew: as it is, and as prescribed for the verdict
that it is known for. Differences of the best validation accuracy in points with their 95 % t-intervals. Then 204 null interventions, five
pairs of runs each that differ in nothing but their seeds, of which few may be called an effect: 2,040 runs of half a second, nine minutes.
The test part is never read.
"""

import argparse
import json
import multiprocessing
import os
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.config import RunConfig
from engine.data.loading import load
from engine.data.resident import Resident
from engine.data.split import split
from engine.diagnosis import Prescription, Yardstick
from engine.diagnosis.prescriptions import PRESCRIBED, filled
from engine.models.building import build
from engine.statistics.means import Estimate, mean, tells
from engine.training.chronicle import Chronicle
from engine.training.happenings import Diverged, EpochDone
from engine.training.loop import Training
from engine.training.numerics import choose
from tests.benchmarks.pictures import SHARED
from tests.benchmarks.verdict.scores import rate

SMALL = {"resolution": 16, "dropout": 0.0, "device": "cpu"}
DIGITS = SMALL | {"dataset": "digits"}
FASHION = SMALL | {"dataset": "fashion_mnist", "validation_share": 0.05, "train_share": 0.02}
RESNET, SPEEDRUN = ({"architecture": name, "width": 0.125} for name in ("resnet18", "speedrun"))
ANNEALED = {"epochs": 30, "schedule": "cosine", "learning_rate": 2e-3}
DECAYED = {"optimizer": "adamw", "weight_decay": 1.0, "epochs": 60, "learning_rate": 2e-3}
CASES: dict[str, tuple[dict[str, Any], ...]] = {
    "overfitting": (
        DIGITS | {"train_share": 0.05, "epochs": 60, "learning_rate": 3e-3},
        FASHION | {"train_share": 0.03, "epochs": 40, "learning_rate": 2e-3, "batch_size": 32},
    ),
    "overconfident": (
        DIGITS | {"train_share": 0.2, "epochs": 50, "learning_rate": 3e-3},
        FASHION | {"train_share": 0.05, "epochs": 40, "learning_rate": 1e-3},
    ),
    "generalisation_gap": (
        DIGITS | RESNET | ANNEALED | {"train_share": 0.06},
        FASHION | SPEEDRUN | ANNEALED | {"train_share": 0.01},
    ),
    "undertrained": (DIGITS | {"epochs": 10, "learning_rate": 3e-4}, FASHION | {"epochs": 10, "learning_rate": 1e-3}),
    "underfitting": (
        DIGITS | {"width": 0.25, "dropout": 0.8, "epochs": 50, "learning_rate": 3e-3},
        FASHION | {"optimizer": "adamw", "weight_decay": 10.0, "dropout": 0.5, "epochs": 40, "learning_rate": 3e-3},
    ),
    "not_learning": (DIGITS | {"optimizer": "sgd", "learning_rate": 1e-5}, FASHION | {"learning_rate": 1e-6}),
    "diverged": (
        DIGITS | {"optimizer": "sgd", "learning_rate": 3.0, "weight_decay": 1.0},
        FASHION | {"optimizer": "sgd", "learning_rate": 3.0, "weight_decay": 1.0},
    ),
    "unstable": (
        DIGITS | {"learning_rate": 2e-2, "batch_size": 16, "epochs": 30},
        FASHION | {"learning_rate": 1.5e-2, "batch_size": 8, "epochs": 25},
    ),
    "plateau": (
        DIGITS | DECAYED,
        FASHION | DECAYED | {"dropout": 0.2, "train_share": 0.04},
    ),
}
"""Two configs for each verdict that they are known for."""
YARDSTICK = {"digits": Yardstick(0.97), "fashion_mnist": Yardstick(0.80)}
"""What good recipes reach on so many pictures of each."""
FIRST_SEED = 200
"""Seeds that nothing was tried with."""
MOST = 3
FIRST_NULL_SEED, NULL_SEEDS = 1_000, 340
"""Ten runs a null intervention, none in two of them: 34 of each config, so that they are independent as an interval takes them to be."""


def trial(knobs: Mapping[str, Any], cache: Path) -> dict[str, Any]:
    """One run: the last verdict, and validation accuracy and loss at its best epoch."""
    config = RunConfig.from_flat(knobs)
    numerics = choose(config, 1)
    numerics.apply()
    dataset = load(config.data, [SHARED], cache)
    data = Resident.load(dataset, split(dataset, config.data), "cpu")
    torch.manual_seed(config.budget.seed)
    model = build(config.model, data.channels, len(data.classes), config.data.resolution)
    chronicle = Chronicle(data, config, YARDSTICK[config.data.dataset])
    said = "too_early"
    try:
        for happening in Training(model, data, config, numerics).run():
            if isinstance(happening, EpochDone):
                said = chronicle.judge(happening).name
    except Diverged:
        pass
    summary = chronicle.summary()
    accuracy = summary["val_accuracy"] if summary["val_accuracy"] is not None else 1 / len(data.classes)
    return {"verdict": said, "accuracy": accuracy, "loss": summary["val_loss"]}


def arms(verdict: str, knobs: Mapping[str, Any]) -> list[Prescription]:
    """The first prescriptions for the verdict that change something."""
    config = RunConfig.from_flat(knobs)
    last = config.budget.epochs
    found = [filled(name, config, last, last) for name in PRESCRIBED[verdict]]
    return [each for each in found if each is not None and each.changes][:MOST]


def changed(knobs: Mapping[str, Any], prescription: Prescription) -> dict[str, Any]:
    return {**knobs, **{knob: to for knob, (_, to) in prescription.changes.items()}}


def planned(seeds: Iterable[int]) -> list[dict[str, Any]]:
    """Every run that is needed, once."""
    wanted = {}
    for verdict, cases in CASES.items():
        for knobs in cases:
            for each in (knobs, *(changed(knobs, one) for one in arms(verdict, knobs))):
                for seed in seeds:
                    wanted[key(each | {"seed": seed})] = each | {"seed": seed}
    return list(wanted.values())


def key(knobs: Mapping[str, Any]) -> str:
    return json.dumps(knobs, sort_keys=True)


def told(found: Mapping[str, dict[str, Any]], seeds: Sequence[int]) -> None:
    """A block for each verdict, then the pooled result of what comes first."""
    first: list[Estimate] = []
    for verdict, cases in CASES.items():
        for knobs in cases:
            before = [found[key(knobs | {"seed": seed})] for seed in seeds]
            seen = Counter(one["verdict"] for one in before)
            print(f"{verdict}, {knobs['dataset']}: {100 * np.mean([one['accuracy'] for one in before]):.1f} %; said {dict(seen)}")
            for place, prescription in enumerate(arms(verdict, knobs)):
                after = [found[key(changed(knobs, prescription) | {"seed": seed})] for seed in seeds]
                gain = mean([100 * (b["accuracy"] - a["accuracy"]) for a, b in zip(before, after, strict=True)])
                print(f"  {'first' if not place else 'then':<6} {prescription.name:<14} {_points(gain)}")
                first += [gain] if not place else []
    better = sum(gain.value > 0 for gain in first)
    pooled = mean([gain.value for gain in first])
    print(f"\nfirst prescription better in {rate(better, len(first))}; mean over the cases {_points(pooled)}")
    sure = [gain for gain in first if tells(gain)]
    print(f"told apart from nothing: {sum(gain.value > 0 for gain in sure)} better, {sum(gain.value < 0 for gain in sure)} worse\n")


def _points(gain: Estimate) -> str:
    between = "" if gain.low is None or gain.high is None else f" ({gain.low:+.1f} to {gain.high:+.1f}, {gain.n})"
    return f"{gain.value:+.2f} points{between}"


NULL_CASES = (
    DIGITS | {"train_share": 0.05, "epochs": 60, "learning_rate": 3e-3},
    DIGITS | {"train_share": 0.1, "epochs": 25, "schedule": "cosine", "learning_rate": 2e-3},
    DIGITS | {"epochs": 10, "learning_rate": 3e-4},
    FASHION | {"epochs": 6, "learning_rate": 2e-3},
    FASHION | {"epochs": 6, "schedule": "cosine", "learning_rate": 2e-3},
    FASHION | {"epochs": 6, "learning_rate": 1e-3},
)
"""Configs whose runs take half a second."""


def null_runs(seeds: int) -> list[list[dict[str, Any]]]:
    """For each config so many runs that differ in nothing but the seed."""
    return [[case | {"seed": FIRST_NULL_SEED + place} for place in range(seeds)] for case in NULL_CASES]


def nulls(found: Mapping[str, dict[str, Any]], seeds: int) -> None:
    """How many differences of five runs and five others would be called an effect where nothing was changed but the seed."""
    declared: list[bool] = []
    for runs in null_runs(seeds):
        accuracy = np.array([found[key(run)]["accuracy"] for run in runs])[: seeds // 10 * 10].reshape(-1, 2, 5)
        declared += [tells(mean(row)) for row in (accuracy[:, 1] - accuracy[:, 0]).tolist()]
    print(f"{len(declared)} null interventions of {len(NULL_CASES)} configs: effects declared {rate(sum(declared), len(declared))}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--null-seeds", type=int, default=NULL_SEEDS, help="ten make a null intervention of each config")
    given = parser.parse_args()
    if not (SHARED / "FashionMNIST").is_dir():
        raise SystemExit("skipped: Fashion-MNIST is not beside the project")
    seeds = range(FIRST_SEED, FIRST_SEED + (2 if given.quick else given.seeds))
    wanted = planned(seeds)
    if not given.quick:
        wanted += chain(*null_runs(given.null_seeds))
    with tempfile.TemporaryDirectory() as cache, multiprocessing.get_context("spawn").Pool(given.processes) as pool:
        results = pool.imap(partial(trial, cache=Path(cache)), wanted, chunksize=4)
        found = {key(knobs): result for knobs, result in zip(wanted, results, strict=True)}
    told(found, seeds)
    if not given.quick and given.null_seeds:
        nulls(found, given.null_seeds)


if __name__ == "__main__":
    main()
