"""Evidence for a verdict, one small function a line on the card. Knows the case, not which rule asks."""

import numpy as np

from engine.diagnosis import quantities as q
from engine.diagnosis.case import Case
from engine.diagnosis.history import Pictures
from engine.diagnosis.verdict import Evidence
from engine.statistics.proportions import half_width, mcnemar, wilson

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
    """Probe minus validation accuracy with its Newcombe interval; of pictures that nobody has counted there is no interval."""
    low, high = (float(side[-1]) if case.n_val else None for side in case.gap_interval)
    window = int(q.window_lengths(case.m)[-1])
    fields = {"train_share": float(case.probe_accuracy[-1]), "val_share": float(case.val_accuracy[-1]), "window": window}
    return Evidence("gap" if case.n_val else "gap_uncounted", float(case.gap[-1]), threshold, low, high, fields)


def flips(case: Case, threshold: float) -> Evidence:
    """Pictures that turned wrong and right since the best epoch; the value is the exact McNemar p."""
    pictures = _pictures(case)
    wrong, right = (_last(case, series) for series in (pictures.turned_wrong, pictures.turned_right))
    fall = (wrong - right) / case.history.n_val if case.history.n_val else np.nan
    fields = {"wrong": wrong, "right": right, "fall": fall, "best_epoch": lowest_epoch(case)}
    return Evidence("flips", mcnemar(wrong, right), threshold, fields=fields)


def paired_loss(case: Case, threshold: float) -> Evidence:
    """z of the per-image loss differences since the best epoch."""
    fields = {"best_epoch": lowest_epoch(case), "pictures": case.history.n_val}
    return Evidence("paired_loss", _last(case, _pictures(case).paired_z), threshold, fields=fields)


def calibration(case: Case) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The calibration error now and at the best epoch until then, and by how much confidence is above accuracy; 0..1, `(m,)` each."""
    pictures = _pictures(case)
    error = case.by_row(pictures.calibration_error)
    return error, error[q.lowest_row(case.losses["val_loss"][case.rows])], case.by_row(pictures.overconfidence)


def precision(accuracy: float, n: int, counted: int | None = None) -> Evidence:
    """How well n pictures can know an accuracy: the Wilson half-width; None where nobody has counted the pictures.

    Of an accuracy that nobody has measured, at worst. `counted`: how many there are, where they count for fewer.
    """
    if not n:
        return Evidence("precision", None, LOW_EVIDENCE, fields={"pictures": None})
    low, high = (float(side) for side in wilson(accuracy, n))
    half = (high - low) / 2 if np.isfinite(accuracy) else half_width(n)
    return Evidence("precision", half, LOW_EVIDENCE, low, high, {"pictures": counted or n})


def is_low(evidence: Evidence) -> bool:
    """Whether a precision is too poor for more than a weak word: the accuracy is known too badly; not of uncounted ones."""
    return evidence.fields["pictures"] is not None and not number(evidence.value) <= LOW_EVIDENCE


def number(value: float | None) -> float:
    """A value to compare with: NaN, which is neither above nor below anything, where it is unknown."""
    return np.nan if value is None else value


def _pictures(case: Case) -> Pictures:
    assert case.history.pictures is not None
    return case.history.pictures


def _last(case: Case, series: object) -> float:
    """The value at the newest epoch that can be judged."""
    return float(case.by_row(series)[-1]) if case.m else np.nan  # type: ignore[arg-type]


def lowest_epoch(case: Case) -> int | None:
    """The epoch that the pictures are held against: the lowest validation loss as it was measured."""
    val = case.losses["val_loss"]
    return int(np.nanargmin(val)) + 1 if np.isfinite(val).any() else None
