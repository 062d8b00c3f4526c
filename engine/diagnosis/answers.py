"""What a network's answers to the validation pictures come to, picture by picture: a handful of numbers an epoch.

Pure functions over arrays `(n,)`; knows no curve and no verdict.
"""

from dataclasses import dataclass

import numpy as np

from engine.statistics.means import paired_z

BINS = 15
"""Bins of the calibration error (Guo et al. 2017, section 2), each with as many pictures: of equal width most would be empty."""
LEAST_IN_BIN = 20
"""Fewer pictures in a bin, and its share of right answers is mostly noise, which the error counts as bad calibration."""

PURE = 0.5
"""If renaming the classes makes more than half of the answers right, the network knows the classes and the names are mixed up."""


@dataclass(frozen=True, eq=False)
class Answers:
    """One epoch's answers, all `(n,)`: loss in nats, whether right, the predicted class, its probability, and the true class."""

    loss: np.ndarray
    correct: np.ndarray
    predicted: np.ndarray
    confidence: np.ndarray
    label: np.ndarray


def compare(best: Answers, now: Answers, classes: int) -> dict[str, float]:
    """The numbers of `history.Pictures` for one epoch, against the best one until then."""
    before, after = best.correct > 0.5, now.correct > 0.5
    return {
        "paired_z": paired_z(best.loss, now.loss),
        "turned_wrong": float(np.sum(before & ~after)),
        "turned_right": float(np.sum(~before & after)),
        "calibration_error": calibration_error(now.confidence, now.correct),
        "overconfidence": float(np.mean(now.confidence) - np.mean(now.correct)) if len(now.loss) else np.nan,
        "renamed_accuracy": renamed_accuracy(now.label, now.predicted, classes),
    }


def calibration_error(confidence: np.ndarray, correct: np.ndarray) -> float:
    """Expected calibration error (Naeini et al. 2015), 0..1: mean distance of confidence and accuracy over bins of equal counts."""
    n = len(confidence)
    if not n or not np.isfinite(confidence).all():
        return np.nan
    bins = np.array_split(np.argsort(confidence, kind="stable"), max(1, min(BINS, n // LEAST_IN_BIN)))
    return float(sum(abs(np.sum(confidence[chosen]) - np.sum(correct[chosen])) for chosen in bins) / n)


def balanced_accuracy(label: np.ndarray, correct: np.ndarray, classes: int) -> float:
    """Mean over the classes that occur of their share of right answers, 0..1."""
    counts = np.bincount(label, minlength=classes)
    right = np.bincount(label, weights=correct, minlength=classes)
    return float(np.mean(right[counts > 0] / counts[counts > 0])) if counts.any() else np.nan


def renamed_accuracy(label: np.ndarray, predicted: np.ndarray, classes: int) -> float:
    """The accuracy if the classes were renamed in the best way (Kuhn 1955); NaN where it stands above chance as it is.

    NaN, too, where a bound tells that no names would make half of the answers right: the matching of 1,000 classes takes tens of
    milliseconds, and importing what finds it .3 s of a first epoch, which often answers the same to everything.
    """
    if not len(label) or np.mean(label == predicted) * classes >= 1:
        return np.nan
    confusion = np.bincount(label * classes + predicted, minlength=classes**2).reshape(classes, classes)
    if min(confusion.max(axis=0).sum(), confusion.max(axis=1).sum()) < PURE * len(label):
        return np.nan
    from scipy.optimize import linear_sum_assignment

    return float(confusion[linear_sum_assignment(confusion, maximize=True)].sum() / len(label))
