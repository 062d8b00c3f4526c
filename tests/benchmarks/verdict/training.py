"""Trains one planted run with the engine's loop, and asks a large test set about it with code of its own.

What is kept of a run are numbers: what the diagnosis is given, and the curves on the test set and on the training pictures.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from engine.config import RunConfig
from engine.config.data import DataConfig
from engine.data.dataset import Dataset
from engine.data.loading import load
from engine.data.resident import Resident
from engine.data.split import Split
from engine.diagnosis import Yardstick
from engine.models.building import build
from engine.training.chronicle import SERIES, Chronicle, Twins
from engine.training.happenings import Change, Diverged, EpochDone
from engine.training.loop import Training
from engine.training.numerics import choose
from engine.training.session import first_sight
from tests.benchmarks.pictures import SHARED
from tests.benchmarks.verdict.plan import Flaw, Planted

TEST = {"digits": 600, "fashion_mnist": 2000, "plumage": 600}
"""Pictures that no part of the run has seen."""
SEEN = 500
"""Training pictures on which the truth about training is asked."""
LONGER = 1.5
"""Runs whose schedule does not depend on the plan go on for half as long again: whether that would have helped is then known."""
TRUTH = ("test_loss", "test_accuracy", "test_calibration", "test_confidence", "seen_loss", "seen_accuracy")


def train(run: Planted, cache: Path) -> dict[str, Any]:
    """The run's facts, its `series` (name -> values by epoch, all that were trained) and `truth` (the same, by other code)."""
    goes_on = run.knobs.get("schedule", "constant") == "constant" and not run.restarts
    planned = run.knobs["epochs"]
    config = RunConfig.from_flat(run.knobs)
    numerics = choose(config, 1)
    numerics.apply()
    data, test, twins = pictures(run, cache)
    torch.manual_seed(run.seed)
    model = build(config.model, data.channels, len(data.classes), config.data.resolution)
    first_sight(model, data)
    chronicle = Chronicle(data, config, Yardstick(), twins)
    longer = config.changed(epochs=math.ceil(LONGER * planned)) if goes_on else config
    training = Training(model, data, longer, numerics)
    truth: dict[str, list[float]] = {name: [] for name in TRUTH}
    loop, message = training.run(), None
    try:
        while True:
            happening = loop.send(message)
            message = None
            if isinstance(happening, EpochDone):
                chronicle.judge(happening)
                for name, value in asked(training.model, data, test).items():
                    truth[name].append(value)
                message = _restarted(run, training, happening.epoch)
    except (StopIteration, Diverged):
        pass
    return {
        "name": run.name, "cause": run.cause, "strength": run.strength, "net": run.net, "dataset": run.dataset, "seed": run.seed,
        "digest": run.digest, "planned": planned, "n_val": chronicle.n_val, "n_probe": chronicle.n_probe,
        "class_counts": list(chronicle.class_counts), "exact_twins": twins.exact,
        "series": {name: chronicle.series[name] for name in SERIES}, "truth": truth,
    }  # fmt: skip


def _restarted(run: Planted, training: Training, epoch: int) -> Change | None:
    """The learning rate of the next epoch under a cosine with warm restarts (Loshchilov & Hutter 2017)."""
    if not run.restarts:
        return None
    cycle = run.knobs["epochs"] // run.restarts
    share = (epoch % cycle) / cycle
    rate = run.knobs["learning_rate"] * (0.01 + 0.99 * (1 + math.cos(math.pi * share)) / 2)
    return Change(training.config.changed(learning_rate=rate))


def pictures(run: Planted, cache: Path) -> tuple[Resident, tuple[torch.Tensor, torch.Tensor], Twins]:
    """The flawed data of a run, the clean test pictures with their labels, and the share of planted twins."""
    dataset = load(DataConfig(dataset=run.dataset, resolution=run.knobs["resolution"]), [SHARED], cache)
    draw = np.random.default_rng([run.seed, 7])
    order = draw.permutation(np.flatnonzero(~dataset.official_test))
    tested = draw.permutation(np.flatnonzero(dataset.official_test))[: TEST[run.dataset]]
    if not len(tested):
        tested, order = order[: TEST[run.dataset]], order[TEST[run.dataset] :]
    chosen = order[: run.flaw.train + run.flaw.validation]
    images, labels = np.array(dataset.images[chosen]), dataset.labels[chosen].copy()
    parts = Split(np.arange(len(chosen) - run.flaw.validation), np.arange(len(chosen) - run.flaw.validation, len(chosen)), np.arange(0))
    shares = _flawed(run.flaw, draw, images, labels, parts)
    keys = np.arange(len(chosen), dtype=np.uint64)
    nothing_official = np.zeros(len(chosen), dtype=bool)
    flawed = Dataset(run.dataset, images, labels, dataset.classes, nothing_official, keys, ())
    test = torch.from_numpy(np.array(dataset.images[tested])), torch.from_numpy(dataset.labels[tested].copy())
    return Resident.load(flawed, parts, "cpu"), test, shares


def _flawed(flaw: Flaw, draw: np.random.Generator, images: np.ndarray, labels: np.ndarray, parts: Split) -> Twins:
    """Plant the flaw, in place."""
    classes = int(labels.max()) + 1
    wrong = draw.random(len(parts.train)) < flaw.noise
    labels[parts.train[wrong]] = draw.integers(0, classes, int(wrong.sum()))
    twins = round(flaw.exact * len(parts.validation))
    copied = draw.choice(parts.train, twins, replace=False)
    images[parts.validation[:twins]], labels[parts.validation[:twins]] = images[copied], labels[copied]
    if flaw.renamed:
        labels[parts.validation] = (labels[parts.validation] + 1) % classes
    return Twins(exact=twins / len(parts.validation))


@torch.no_grad()
def asked(model: torch.nn.Module, data: Resident, test: tuple[torch.Tensor, torch.Tensor]) -> dict[str, float]:
    """What the network says of the test pictures, and of some training pictures, in fp32, by nothing of the engine's."""
    was = model.training
    model.eval()
    found = {}
    learned = data.train[:SEEN]
    for part, (images, labels) in {"test": test, "seen": (data.images[learned], data.labels[learned])}.items():
        logits = torch.cat([model((piece.float() / 255 - data.mean) / data.std).float() for piece in images.split(500)])
        sure, said = logits.softmax(1).max(1)
        right = (said == labels).float()
        found |= {f"{part}_loss": functional.cross_entropy(logits, labels).item(), f"{part}_accuracy": right.mean().item()}
        if part == "test":
            found |= {"test_calibration": _calibration(sure, right), "test_confidence": sure.mean().item()}
    model.train(was)
    return found


def _calibration(sure: torch.Tensor, right: torch.Tensor) -> float:
    """Calibration error over ten bins of equal width (Guo et al. 2017): other bins than the engine's."""
    place = (sure * 10).long().clamp(max=9)
    return sum(abs((sure - right)[place == each].sum().item()) for each in range(10)) / len(sure)
