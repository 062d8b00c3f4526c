"""What a planted run really suffers from, by its curves on a large test set and on training pictures, measured by code of its own.

Nothing of `engine.diagnosis` is used. Of what it is given, the symptoms read four things as well: the training loss (`diverged`), the
share of planted twins and the validation accuracy (`data_suspect`), the learning rate (`let_down`). Each symptom is there, is not, or is
unclear (between two limits); a run whose first symptom is unclear is left out of the count.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Says = Literal["yes", "no", "unclear"]
CLASSES = {"digits": 10, "fashion_mnist": 10, "plumage": 12}
GOOD = ("healthy_cosine", "healthy_step", "healthy_restarts")
"""What the upper quartile of these reaches on the test set is what the data allows."""


NATS = 0.02
"""A change of the loss below this is none, whatever its share: from .01 to .02 nats nobody would act."""


@dataclass(frozen=True)
class Facts:
    """A run's true curves up to its planned end, and what came after."""

    run: Mapping[str, Any]
    best: float
    n: int
    test: np.ndarray
    test_accuracy: np.ndarray
    seen: np.ndarray
    seen_accuracy: np.ndarray

    @property
    def chance(self) -> float:
        return 1 / CLASSES[self.run["dataset"]]

    def after(self, name: str) -> float:
        """The median of the last values of a curve when the run went on for half as long again; NaN where it did not."""
        whole = np.asarray(self.run["truth"][name], dtype=float)
        return float(np.median(whole[-3:])) if len(whole) >= 1.4 * self.run["planned"] else np.nan


def allowed(runs: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """By data set, the accuracy on the test set that good recipes reach."""
    found: dict[str, list[float]] = {}
    for run in runs:
        if run["cause"] in GOOD:
            found.setdefault(run["dataset"], []).append(float(np.max(run["truth"]["test_accuracy"])))
    return {name: float(np.quantile(values, 0.75)) for name, values in found.items()}


def facts(run: Mapping[str, Any], best: float = np.nan) -> Facts:
    """A run's curves; `best` is the accuracy that its data allows."""
    n = min(run["planned"], len(run["truth"]["test_loss"]))
    names = ("test_loss", "test_accuracy", "seen_loss", "seen_accuracy")
    return Facts(run, best, n, *(np.asarray(run["truth"][name][:n], dtype=float) for name in names))


def smooth(x: np.ndarray) -> np.ndarray:
    """Running median of three."""
    return np.array([np.median(x[max(0, k - 1) : k + 2]) for k in range(len(x))])


def graded(value: float, no: float, yes: float) -> Says:
    """`no` below (or above) the first limit, `yes` beyond the second, unclear between them."""
    if not np.isfinite(value):
        return "no"
    low, high = (value < no, value >= yes) if no < yes else (value > no, value <= yes)
    return "yes" if high else "no" if low else "unclear"


def diverged(of: Facts) -> Says:
    loss = np.asarray(of.run["series"]["train_loss"][: of.n], dtype=float)
    if not np.isfinite(np.concatenate([loss, of.test])).all():
        return "yes"
    now, lowest, guessing = float(np.median(loss[-3:])), float(np.min(smooth(loss))), float(np.log(CLASSES[of.run["dataset"]]))
    blown_up = graded(min(now / guessing, now / lowest), 1.15, 1.3)
    collapsed = graded((now - lowest) / (guessing - lowest), 0.35, 0.5) if 1.3 * lowest < now < guessing else "no"
    return "yes" if "yes" in (blown_up, collapsed) else "unclear" if "unclear" in (blown_up, collapsed) else "no"


def begun(run: Mapping[str, Any], alarm: int) -> int:
    """The epoch, from 1, at which a divergence began that was told at epoch `alarm`: the first of the unbroken stretch up to the alarm in
    which the training loss is 30 % above chance or a loss is not finite. The epoch after the alarm where the alarm's own is neither."""
    series = {name: np.asarray(run["series"][name][:alarm], dtype=float) for name in ("train_loss", "val_loss", "probe_loss")}
    limit = 1.3 * np.log(CLASSES[run["dataset"]])
    well = np.flatnonzero((series["train_loss"] <= limit) & np.isfinite(series["val_loss"]) & np.isfinite(series["probe_loss"]))
    return int(well[-1]) + 2 if len(well) else 1


def data_suspect(of: Facts) -> Says:
    """Twins were counted when they were put there; a renamed class shows in test accuracy far above validation accuracy below chance."""
    if (of.run["exact_twins"] or 0) > 0.005:
        return "yes"
    validation = float(np.median(of.run["series"]["val_accuracy"][: of.n][-3:]))
    return "yes" if of.test_accuracy[-1] > 0.4 and validation < of.chance else "no"


def not_learning(of: Facts) -> Says:
    return graded(float(np.median(of.seen_accuracy[-3:])) - of.chance, 0.10, 0.04)


def memorising(of: Facts) -> Says:
    guesses = graded(float(np.median(of.test_accuracy[-3:])) - of.chance, 0.10, 0.05)
    return guesses if np.median(of.seen_accuracy[-3:]) > 0.7 else "no"


def rise(of: Facts) -> float:
    """How far the test loss ends above its minimum, as a share of it, while the training loss fell; 0 below .02 nats."""
    test, seen = smooth(of.test), smooth(of.seen)
    low = int(np.argmin(test))
    return float(test[-1] / test[low] - 1) if seen[-1] < 0.99 * seen[low] and test[-1] - test[low] >= NATS else 0.0


def overfitting(of: Facts) -> Says:
    return beyond_jumps(of, rise(of), graded(rise(of), 0.03, 0.07))


def beyond_jumps(of: Facts, change: float, said: Says) -> Says:
    """Unclear where the change is one that the curve's own jumps could make: less than two, which are two errors of such a difference."""
    return "unclear" if said == "yes" and change < 2 * jump(of) / float(np.median(last_third(of))) else said


def last_third(of: Facts) -> np.ndarray:
    return of.test[-max(8, of.n // 3) :]


def jump(of: Facts) -> float:
    """How far the test loss moves from one epoch to the next, in nats, in the last third."""
    return float(np.median(np.abs(np.diff(last_third(of)))))


def generalisation_gap(of: Facts) -> Says:
    return graded(float(np.mean((of.seen_accuracy - of.test_accuracy)[-5:])), 0.03, 0.08)


def undertrained(of: Facts) -> Says:
    """Whether half as many epochs more would have lowered both losses clearly."""
    now = float(np.median(of.test[-3:]))
    left = max(of.after("test_loss") / now, of.after("seen_loss") / float(np.median(of.seen[-3:])))
    return beyond_jumps(of, 1 - left, graded(left, 0.97, 0.92)) if now - of.after("test_loss") >= NATS else "no"


def unstable(of: Facts) -> Says:
    """Test loss that moves by much of itself from epoch to epoch, in the last third."""
    return graded(jump(of) / float(np.median(last_third(of))), 0.06, 0.12) if jump(of) >= NATS else "no"


def underfitting(of: Facts) -> Says:
    """Training pictures themselves are known worse than a good recipe knows new ones, and that no longer changes.

    Where the rate was let down a longer plan might have done, so that it is unclear at most.
    """
    flat = graded(moved(of.seen), 0.06, 0.03)
    poor = graded(float(np.median(of.seen_accuracy[-3:])) - of.best, 0.0, -0.04)
    return "no" if "no" in (flat, poor) else "unclear" if "unclear" in (flat, poor) or let_down(of) else "yes"


def plateau(of: Facts) -> Says:
    """Both losses flat over the last quarter, and the same when it went on, at a rate that was not let down."""
    return "no" if let_down(of) else graded(max(moved(of.test), moved(of.seen)), 0.06, 0.03)


def let_down(of: Facts) -> bool:
    """Whether the learning rate ends below a tenth of its largest."""
    rate = np.asarray(of.run["series"]["learning_rate"][: of.n], dtype=float)
    return bool(rate[-1] < 0.1 * rate.max())


def moved(curve: np.ndarray) -> float:
    """How far a loss moved within its last quarter, as a share of itself; 0 below .02 nats."""
    last = curve[-max(6, len(curve) // 4) :]
    before, after = float(np.mean(last[: len(last) // 2])), float(np.mean(last[len(last) // 2 :]))
    return abs(before / after - 1) if abs(before - after) >= NATS else 0.0


SYMPTOMS: dict[str, Callable[[Facts], Says]] = {
    "diverged": diverged,
    "data_suspect": data_suspect,
    "not_learning": not_learning,
    "memorising": memorising,
    "overfitting": overfitting,
    "generalisation_gap": generalisation_gap,
    "undertrained": undertrained,
    "unstable": unstable,
    "underfitting": underfitting,
    "plateau": plateau,
}
"""In the order in which the verdicts take precedence."""


def label(run: Mapping[str, Any], best: float) -> str | None:
    """The first symptom that the run has; `healthy` for none, None where it cannot be said."""
    of = facts(run, best)
    for name, symptom in SYMPTOMS.items():
        said = symptom(of)
        if said != "no":
            return name if said == "yes" else None
    return "healthy"
