"""What the diagnosis is given: one run's recorded numbers, epoch by epoch, and the per-image evidence.

Knows no store and no training; how the numbers were made is the recorder's business.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Series = Sequence[float | None] | np.ndarray
"""One number an epoch. None = not recorded; NaN or infinity = the number itself was not finite."""


@dataclass(frozen=True, eq=False)
class PerImage:
    """Each validation picture in the best window and now; all arrays `(n_val,)`, losses in nats."""

    best_epoch: int
    best_loss: Series
    now_loss: Series
    best_correct: Series
    now_correct: Series


@dataclass(frozen=True, eq=False)
class History:
    """One run so far. Losses in nats, accuracies in 0..1; `probe_*` = fixed training pictures, eval mode, no augmentation."""

    val_loss: Series
    val_accuracy: Series
    probe_loss: Series
    probe_accuracy: Series
    train_loss: Series
    n_probe: int
    n_val: int
    class_counts: tuple[int, ...]
    planned_epochs: int
    reference_accuracy: float | None = None
    """Upper quartile of the validation accuracy of finished runs on this data; None when there are none."""
    images: PerImage | None = None
