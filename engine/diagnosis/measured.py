"""Evidence for a verdict, one small function a line on the card. Knows the case, not which rule asks."""

import numpy as np

from engine.diagnosis import quantities as q
from engine.diagnosis.case import Case, finite
from engine.diagnosis.history import PerImage, Series
from engine.diagnosis.verdict import Evidence
from engine.statistics.means import paired_z
from engine.statistics.proportions import mcnemar, wilson

LOW_EVIDENCE = 0.05
"""Wilson half-width of an accuracy beyond which nothing stronger than "weak" is said: 5 points either way."""


def rise(case: Case, threshold: float | None) -> Evidence:
    """Validation loss above its best, as a share of it; `threshold` is the share that alarms."""
    now, best = float(case.val[-1]), float(case.val_best[-1])
    fields = {"best_loss": best, "now_loss": now, "best_epoch": case.best_epoch, "window": int(q.window_lengths(case.m)[-1])}
    return Evidence("rise", (now - best) / best if best > 0 else None, threshold, fields=fields)


def steady(case: Case) -> Evidence:
    """Validation loss near its best."""
    window = int(q.window_lengths(case.m)[-1])
    fields = {"best_loss": float(case.val_best[-1]), "best_epoch": case.best_epoch, "window": window}
    return Evidence("steady", float(case.val[-1]), fields=fields)


def gap(case: Case, threshold: float) -> Evidence:
    """Probe minus validation accuracy with its Newcombe interval."""
    low, high = (float(side[-1]) for side in case.gap_interval)
    fields = {"train_share": float(case.probe_accuracy[-1]), "val_share": float(case.val_accuracy[-1])}
    return Evidence("gap", float(case.gap[-1]), threshold, low, high, fields)


def flips(images: PerImage, threshold: float) -> Evidence:
    """Pictures that turned wrong and right since the best window; the value is the exact McNemar p."""
    before, now = _paired(images.best_correct, images.now_correct)
    flipped = mcnemar(before, now)
    fields = {"wrong": flipped.wrong, "right": flipped.right, "fall": flipped.fall, "best_epoch": images.best_epoch}
    return Evidence("flips", flipped.p, threshold, fields=fields)


def paired_loss(images: PerImage, threshold: float) -> Evidence:
    """z of the per-image loss differences since the best window."""
    before, now = _paired(images.best_loss, images.now_loss)
    return Evidence("paired_loss", paired_z(before, now), threshold, fields={"best_epoch": images.best_epoch, "pictures": len(now)})


def precision(accuracy: float, n: int) -> Evidence:
    """How well n pictures can know an accuracy: the Wilson half-width."""
    low, high = (float(side) for side in wilson(accuracy, n))
    return Evidence("precision", (high - low) / 2, LOW_EVIDENCE, low, high, {"pictures": n})


def is_low(evidence: Evidence) -> bool:
    """Whether a precision is too poor for more than a weak word; an unknown accuracy is."""
    return not number(evidence.value) <= LOW_EVIDENCE


def number(value: float | None) -> float:
    """A value to compare with: NaN, which is neither above nor below anything, where it is unknown."""
    return np.nan if value is None else value


def _paired(series_before: Series, series_now: Series) -> tuple[np.ndarray, np.ndarray]:
    """Two arrays over the same pictures; a picture missing on one side is left out."""
    before, now = finite(series_before), finite(series_now)
    n = min(len(before), len(now))
    both = np.isfinite(before[:n]) & np.isfinite(now[:n])
    return before[:n][both], now[:n][both]
