"""Kept numbers -> what the engine said of them, epoch by epoch; with parts of its rule switched off for comparison."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np

from engine.diagnosis import History, Known, Pictures, Yardstick, case, judge, quantities
from engine.diagnosis.rules import generalisation

PICTURES = tuple(Pictures.__dataclass_fields__)
PLAIN = ("val_loss", "val_accuracy", "probe_loss", "probe_accuracy", "train_loss", "learning_rate", "val_balanced", "probe_balanced")
HEALTHY = "healthy_cosine"


def yardsticks(runs: Sequence[Mapping[str, Any]]) -> dict[str, Yardstick]:
    """By data set, what a store full of good runs would say: upper quartile of the accuracy at the lowest loss, median noise."""
    found = {}
    for dataset in {run["dataset"] for run in runs}:
        good = [run["series"] for run in runs if run["dataset"] == dataset and run["cause"] == HEALTHY]
        best = [float(series["val_accuracy"][np.nanargmin(series["val_loss"])]) for series in good]
        noise = [quantities.usual_noise(*(series[name].astype(float) for name in ("val_loss", "learning_rate"))) for series in good]
        found[dataset] = Yardstick(float(np.quantile(best, 0.75)), float(np.median(noise))) if len(good) >= 3 else Yardstick()
    return found


def history(run: Mapping[str, Any], yardstick: Yardstick, pictures: bool = True) -> History:
    """What the diagnosis was given at the end of the run's plan."""
    n = run["planned"]
    series = {name: np.asarray(values[:n], dtype=float) for name, values in run["series"].items()}
    seen = Pictures(**{name: series[name] for name in PICTURES}) if pictures else None
    counts = tuple(run["class_counts"])
    return History(
        **{name: series[name] for name in PLAIN}, n_probe=run["n_probe"], n_val=run["n_val"], class_counts=counts, planned_epochs=n,
        pictures=seen, exact_twins=run["exact_twins"], yardstick=yardstick,
    )  # fmt: skip


def prefix(whole: History, n: int) -> History:
    """The first n epochs."""
    seen = whole.pictures and Pictures(*(column[:n] for column in vars(whole.pictures).values()))
    return replace(whole, **{name: getattr(whole, name)[:n] for name in PLAIN}, pictures=seen)


def said(whole: History) -> list[str]:
    """The name of the verdict at every epoch, as the worker would have said it."""
    names, previous, known = [], None, Known()
    for n in range(1, len(whole.val_loss) + 1):
        previous = judge(prefix(whole, n), previous, known)
        names.append(previous.name)
    return names


ABLATIONS: dict[str, tuple[tuple[ModuleType, str, Any], ...]] = {
    "the rule": (),
    "without smoothing": ((quantities, "WINDOW_MIN", 1), (quantities, "WINDOW_MAX", 1)),
    "without hold": ((case, "HOLD_MIN", 1), (case, "HOLD_SHARE", 0.0), (generalisation, "HOLD_MIN", 1)),
    "without training still falling": ((generalisation, "PROBE_FALL", -np.inf),),
    "without the floor of .02 nats": ((generalisation, "WATCH_NATS", 0.0),),
    "without the floor of noise": ((generalisation, "WATCH_NOISE", 0.0),),
}
"""What is switched off, by the constants that switch it."""


@contextmanager
def without(part: str) -> Iterator[None]:
    """The engine's rule with one part off."""
    kept = [(module, name, getattr(module, name)) for module, name, _ in ABLATIONS[part]]
    for module, name, value in ABLATIONS[part]:
        setattr(module, name, value)
    try:
        yield
    finally:
        for module, name, value in kept:
            setattr(module, name, value)
