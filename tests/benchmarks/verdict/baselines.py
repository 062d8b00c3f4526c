"""The alarms in use, on the same curves: each says the first epoch, from 0, at which it calls a run overfitting, or None.

Each is given train and validation loss `(n,)`, NaN where missing; causal like ours.
"""

from collections.abc import Callable

import numpy as np

Rule = Callable[[np.ndarray, np.ndarray], int | None]


def first(said: np.ndarray) -> int | None:
    places = np.flatnonzero(said)
    return int(places[0]) if len(places) else None


def waited(loss: np.ndarray, delta: float = 0.0) -> np.ndarray:
    """How many epochs in a row `(n,)` were no new minimum; a new one is lower than the last by more than `delta`."""
    best, row, rows = np.inf, 0, []
    for value in loss:
        best, row = (value, 0) if value < best - delta else (best, row + 1)
        rows.append(row)
    return np.array(rows)


def early_stopping(patience: int) -> Rule:
    """Keras EarlyStopping on `val_loss`, min_delta 0: so many epochs in a row that are no new minimum."""

    def rule(_train: np.ndarray, val: np.ndarray) -> int | None:
        return first(waited(val) >= patience)

    return rule


def sagemaker_overfit(train: np.ndarray, val: np.ndarray) -> int | None:
    """SageMaker Debugger `Overfit` as AWS documents it, an epoch for a step: (validation loss - training loss) / training loss above
    `ratio_threshold` .1 for a `patience` of 1 (Developer Guide, List of Debugger built-in rules)."""
    return first((val - train) / train > 0.1)


def sagemaker_overtraining(train: np.ndarray, val: np.ndarray) -> int | None:
    """SageMaker Debugger `Overtraining` as AWS documents it (same list), an epoch for a step: training loss not lower by a `delta` of .1
    for a `patience_train` of 5, validation loss for a `patience_validation` of 10. Whether one or both is not said: both, which alarms
    less."""
    return first((waited(train, 0.1) >= 5) & (waited(val, 0.1) >= 10))


def prechelt_gl(limit: float) -> Rule:
    """Prechelt (1998) GL: validation loss so many per cent above its minimum."""

    def rule(_train: np.ndarray, val: np.ndarray) -> int | None:
        return first(100 * (val / np.minimum.accumulate(np.where(np.isnan(val), np.inf, val)) - 1) > limit)

    return rule


def prechelt_pq(limit: float, strip: int = 5) -> Rule:
    """Prechelt PQ: GL over the training progress of a strip of five epochs, in per mille."""

    def rule(train: np.ndarray, val: np.ndarray) -> int | None:
        loss = 100 * (val / np.minimum.accumulate(np.where(np.isnan(val), np.inf, val)) - 1)
        strips = [train[max(0, k - strip + 1) : k + 1] for k in range(len(train))]
        progress = np.array([1000 * (np.mean(each) / np.min(each) - 1) for each in strips])
        return first((loss / np.maximum(progress, 1e-9) > limit) & (np.arange(len(val)) >= strip))

    return rule


def prechelt_up(strips: int, strip: int = 5) -> Rule:
    """Prechelt UP: validation loss higher at the end of so many strips in a row."""

    def rule(_train: np.ndarray, val: np.ndarray) -> int | None:
        ends = np.arange(strip - 1, len(val), strip)
        rose = np.diff(val[ends]) > 0
        run = 0
        for place, up in enumerate(rose):
            run = run + 1 if up else 0
            if run >= strips:
                return int(ends[place + 1])
        return None

    return rule


def spearman(train: np.ndarray, val: np.ndarray, window: int = 10) -> int | None:
    """Rank correlation of train and validation loss below -.5 over the last ten epochs."""
    from scipy.stats import rankdata

    for epoch in range(window, len(val) + 1):
        one, other = (rankdata(x[epoch - window : epoch]) for x in (train, val))
        if np.std(one) > 0 and np.std(other) > 0 and np.corrcoef(one, other)[0, 1] < -0.5:
            return epoch - 1
    return None


def bare_gap(train: np.ndarray, val: np.ndarray) -> int | None:
    """Validation loss a fifth above training loss."""
    return first(val > 1.2 * train)


BASELINES: dict[str, Rule] = {
    "Keras EarlyStopping, patience 5": early_stopping(5),
    "Keras EarlyStopping, patience 10": early_stopping(10),
    "after SageMaker Overfit": sagemaker_overfit,
    "after SageMaker Overtraining": sagemaker_overtraining,
    "Prechelt GL5": prechelt_gl(5.0),
    "Prechelt PQ.5": prechelt_pq(0.5),
    "Prechelt UP3": prechelt_up(3),
    "Spearman below -.5": spearman,
    "gap of a fifth": bare_gap,
}
