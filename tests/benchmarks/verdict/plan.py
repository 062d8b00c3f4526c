"""Which runs are planted: causes in three strengths, on three networks and several small data sets. Numbers only; trains nothing.

A cause is no label: what a run really suffers from is asked of a large test set (`truth`).
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

STRENGTHS = (0, 1, 2)
NETS: dict[str, dict[str, Any]] = {
    "lenet": {"architecture": "lenet", "resolution": 16, "learning_rate": 2e-3},
    "resnet18": {"architecture": "resnet18", "width": 0.125, "resolution": 16, "learning_rate": 2e-3},
    "speedrun": {"architecture": "speedrun", "width": 0.125, "resolution": 16, "learning_rate": 2e-3},
}
DATASETS = {
    "lenet": ("digits", "fashion_mnist"),
    "resnet18": ("digits",),
    "speedrun": ("digits", "fashion_mnist", "plumage"),
}
SEEDS = {"lenet": 3, "resnet18": 1, "speedrun": 1}
"""A run of the smallest network takes seconds, one of the others up to a minute."""
PLUMAGE = {"resolution": 32, "width": 0.25}
"""At 16 px the birds of different classes are alike."""
BASE = {"dropout": 0.0, "batch_size": 64, "optimizer": "adam", "epochs": 30, "precision": "auto", "device": "cpu"}
TRAIN, VALIDATION = 800, 400


@dataclass(frozen=True)
class Flaw:
    """What is done to the data: pictures of each part, the share of training labels drawn anew, of validation pictures that are training
    pictures (`exact`), whether validation labels are those of another class."""

    train: int = TRAIN
    validation: int = VALIDATION
    noise: float = 0.0
    exact: float = 0.0
    renamed: bool = False


@dataclass(frozen=True)
class Planted:
    """One run to be trained. `restarts`: a cosine schedule of so many cycles instead of what the knobs say."""

    cause: str
    strength: int
    net: str
    dataset: str
    seed: int
    knobs: dict[str, Any]
    flaw: Flaw = field(default=Flaw())
    restarts: int = 0

    @property
    def name(self) -> str:
        return f"{self.cause}-{self.strength}-{self.net}-{self.dataset}-{self.seed}"

    @property
    def digest(self) -> str:
        """Of what is done to the run and its data: another one, another run, whatever its name."""
        given = json.dumps([self.knobs, asdict(self.flaw), self.restarts], sort_keys=True)
        return hashlib.sha256(given.encode()).hexdigest()[:16]


def _causes(strength: int, net: str) -> dict[str, tuple[dict[str, Any], Flaw, int]]:
    """Name -> knobs, flaw, restarts."""

    def one(*values: Any) -> Any:
        return values[strength]

    regular = {"dropout": 0.3, "weight_decay": 1e-2, "optimizer": "adamw", "crop": 0.06}
    annealed = regular | {"schedule": "cosine"}
    return {
        "few_pictures": ({"epochs": 60}, Flaw(train=one(240, 120, 60)), 0),
        "noisy_labels": ({"epochs": 60}, Flaw(noise=one(0.2, 0.4, 0.6)), 0),
        "random_labels": ({"epochs": 80}, Flaw(train=one(400, 200, 100), noise=1.0), 0),
        "exact_twins": (annealed, Flaw(exact=one(0.01, 0.05, 0.2)), 0),
        "renamed_classes": (annealed, Flaw(renamed=True, validation=one(400, 200, 100)), 0),
        "tiny_net": ({"width": 0.125, "weight_decay": one(0.0, 0.1, 0.3), "epochs": 60}, Flaw(), 0),
        "heavy_dropout": ({"dropout": one(0.7, 0.8, 0.9), "width": one(0.5, 0.25, 0.125), "epochs": 60}, Flaw(), 0),
        "heavy_decay": ({"weight_decay": one(1.0, 3.0, 10.0), "optimizer": "adamw", "epochs": 40}, Flaw(), 0),
        "crushed": ({"weight_decay": one(5.0, 7.0, 10.0), "learning_rate": 3e-3, "optimizer": "adamw", "epochs": 60}, Flaw(), 0),
        "jittery": ({"batch_size": 8, "learning_rate": one(4e-3, 8e-3, 1.5e-2), "epochs": 40}, Flaw(), 0),
        "low_rate": ({"learning_rate": one(1e-4, 1e-5, 1e-6)}, Flaw(), 0),
        "high_rate": ({"learning_rate": one(0.01, 0.03, 0.1), "epochs": 40}, Flaw(), 0),
        "absurd_rate": ({"optimizer": "sgd", "learning_rate": one(3.0, 10.0, 100.0)}, Flaw(), 0),
        "short_plan": ({"epochs": one(12, 9, 7), "learning_rate": NETS[net]["learning_rate"] / one(2, 4, 8)}, Flaw(), 0),
        "long_plan": (regular | {"epochs": one(40, 60, 80)}, Flaw(), 0),
        "tiny_validation": (annealed, Flaw(validation=one(100, 50, 30)), 0),
        "healthy_cosine": (annealed | {"epochs": one(20, 30, 60)}, Flaw(), 0),
        "healthy_step": (regular | {"schedule": "multistep", "epochs": one(20, 30, 60)}, Flaw(), 0),
        "healthy_restarts": (regular | {"epochs": one(24, 36, 60)}, Flaw(), one(2, 3, 3)),
    }  # fmt: skip


NEGATIVES = ("tiny_validation", "healthy_cosine", "healthy_step", "healthy_restarts")
CAUSES = tuple(_causes(0, "lenet"))


def plan(seeds: Mapping[str, int]) -> Iterator[Planted]:
    """Every cause in every strength on every network and data set, with so many seeds; the quick ones first within a seed."""
    for seed in range(max(seeds.values())):
        for net, network in NETS.items():
            if seed >= seeds.get(net, 0):
                continue
            for dataset in DATASETS[net]:
                for strength in STRENGTHS:
                    for cause, (knobs, flaw, restarts) in _causes(strength, net).items():
                        looks = PLUMAGE if dataset == "plumage" else {}
                        given = BASE | network | looks | knobs | {"dataset": dataset, "seed": seed}
                        yield Planted(cause, strength, net, dataset, seed, given, _fitting(flaw, dataset), restarts)


def _fitting(flaw: Flaw, dataset: str) -> Flaw:
    """Of 1,797 digits and 1,800 birds 600 are the test set: fewer are left to learn from."""
    return flaw if dataset == "fashion_mnist" else replace(flaw, validation=min(flaw.validation, 300))
