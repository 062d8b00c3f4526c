"""Is it worth beginning with ImageNet's weights, and how? `python -m tests.benchmarks.transfer`: seven minutes on two cores with bf16, half
an hour without.

Twenty pictures a class of Fashion-MNIST at 64 px, drawn anew for each seed, and EfficientNet-Lite0: from drawn weights, and from published
ones in the three lanes of the recipes, all with as many epochs. Accuracy on 2,000 pictures of the test part at the epoch that was best on
300 of validation: means over the seeds with their 95 % t-intervals, and paired differences from drawn weights. Seconds of training with its
evaluation: medians, and from the fewest to the most. Then the last layer only, with what the frozen layers make computed once and every
time.
"""

import argparse
import copy
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from engine.config import RunConfig
from engine.config.data import DataConfig
from engine.data.dataset import Dataset
from engine.data.loading import load
from engine.data.resident import Resident
from engine.data.split import Split
from engine.presets import FEW, PRESETS
from engine.statistics.means import Estimate, mean
from engine.training import features, inheriting
from engine.training.evaluation import evaluate
from engine.training.happenings import EpochDone
from engine.training.inheriting import Shelf
from engine.training.loop import Training
from engine.training.numerics import choose
from engine.training.session import newborn
from tests.benchmarks.pictures import SHARED

# Where Fashion-MNIST is fetched to, once, if it is not beside the project.
FETCHED = Path("bench") / "data"
# Seeds with which the two ways of asking frozen layers are timed.
TIMED = 3
# Pictures of a class in each part.
TRAIN, VALIDATION, TEST = 20, 30, 200
# What all lanes share, instead of what their recipes say of it.
SHARED_KNOBS = {"dataset": "fashion_mnist", "train_share": 1.0, "epochs": 30, "device": "cpu"}
SCRATCH = "drawn, all at once"
LANES: dict[str, dict[str, Any]] = {
    SCRATCH: FEW
    | {"weights": "none", "learning_rate": 0.03, "weight_decay": 5e-4, "decay_kind": "l2", "schedule": "cosine"}
    | SHARED_KNOBS,
    **{name: PRESETS[name].knobs | SHARED_KNOBS for name in ("last_only", "last_then_all", "all_at_once")},
}
FIRST_SEED = 300
"""Seeds that nothing was tried with."""


def drawn(dataset: Dataset, seed: int) -> Resident:
    """So many pictures of each class in each part; the first two from the official training part."""
    generator = np.random.default_rng(seed)
    parts: dict[str, list[np.ndarray]] = {"train": [], "validation": [], "test": []}
    for label in range(len(dataset.classes)):
        known, unseen = (
            generator.permutation(np.flatnonzero((dataset.labels == label) & (dataset.official_test == test))) for test in (False, True)
        )
        parts["train"].append(known[:TRAIN])
        parts["validation"].append(known[TRAIN : TRAIN + VALIDATION])
        parts["test"].append(unseen[:TEST])
    return Resident.load(dataset, Split(**{name: np.sort(np.concatenate(some)) for name, some in parts.items()}), "cpu")


def trial(knobs: dict[str, Any], dataset: Dataset, seed: int, folder: Path) -> tuple[float, float]:
    """Accuracy on the test part at the best epoch, and seconds."""
    config = RunConfig.from_flat(knobs | {"seed": seed})
    data = drawn(dataset, seed)
    numerics = choose(config, 2)
    numerics.apply()
    donor = inheriting.donor(config.model, Shelf(folder, _nobody), lambda what, done, total: None)
    model, data, _ = newborn(config, data, donor)
    training, began = Training(model, data, config, numerics), time.perf_counter()
    best = model.state_dict()
    for happening in training.run():
        if isinstance(happening, EpochDone) and happening.best:
            best = copy.deepcopy(training.model.state_dict())
    seconds = time.perf_counter() - began
    training.model.load_state_dict(best)
    return evaluate(training.model, data, data.test, numerics).means()[1], seconds


def _nobody(run: int) -> Any:
    raise AssertionError("no lane begins with a saved run")


def tell(name: str, found: list[tuple[float, float]], base: list[tuple[float, float]]) -> None:
    accuracy, seconds = mean([100 * one for one, _ in found]), [spent for _, spent in found]
    gain = mean([100 * (one - other) for (one, _), (other, _) in zip(found, base, strict=True)])
    beside = "" if found is base else f"   {_points(gain, '+.1f')} beside drawn weights"
    spent = f"{np.median(seconds):.1f} s ({min(seconds):.1f} to {max(seconds):.1f})"
    print(f"{name:<32} {_points(accuracy, '.1f')} %   {spent}{beside}", flush=True)


def _points(found: Estimate, form: str) -> str:
    between = "" if found.low is None or found.high is None else f" ({found.low:{form}} to {found.high:{form}})"
    return f"{found.value:{form}}{between}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    there = SHARED if (SHARED / "FashionMNIST").is_dir() else FETCHED
    seeds = range(FIRST_SEED, FIRST_SEED + given.seeds)
    with tempfile.TemporaryDirectory() as folder:
        dataset = load(DataConfig(dataset="fashion_mnist", resolution=FEW["resolution"]), [there], Path(folder))
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in LANES}
        for seed in seeds:
            for name, knobs in LANES.items():
                accuracy, seconds = trial(knobs, dataset, seed, Path(folder))
                found[name].append((accuracy, seconds))
                print(f"seed {seed}, {name}: {100 * accuracy:.1f} %, {seconds:.1f} s", flush=True)
        for name, results in found.items():
            tell(name, results, found[SCRATCH])
        features.MOST = 0  # nothing is kept
        every = [trial(LANES["last_only"], dataset, seed, Path(folder))[1] for seed in seeds[:TIMED]]
        once = [seconds for _, seconds in found["last_only"][:TIMED]]
        print(f"\nlast layer only: {np.median(once):.1f} s with the frozen layers computed once, {np.median(every):.1f} s every time")


if __name__ == "__main__":
    main()
