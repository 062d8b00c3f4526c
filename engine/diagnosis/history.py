"""What the diagnosis is given: one run's recorded numbers, epoch by epoch, and a few facts. Numbers only, so it can be kept and replayed.

Knows no store and no training; how the numbers were made is the recorder's business.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Series = Sequence[float | None] | np.ndarray
"""One number an epoch. None = not recorded; NaN or infinity = the number itself was not finite."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """What the validation pictures said at each epoch, one by one; all `(n,)`.

    The first three hold an epoch against the best one until then, picture by picture: z of the differences of the loss, how many turned
    wrong and how many right. `calibration_error` and `overconfidence` (mean confidence minus accuracy) are in 0..1. `renamed_accuracy` is
    the accuracy if the classes were renamed in the best way; None where it was not looked for.
    """

    paired_z: Series
    turned_wrong: Series
    turned_right: Series
    calibration_error: Series
    overconfidence: Series
    renamed_accuracy: Series


@dataclass(frozen=True)
class Yardstick:
    """How other finished runs on this data stand; None where there are too few of them.

    `accuracy`: upper quartile of their validation accuracies, each at its best epoch, that of the lowest validation loss. `noise`: median
    over them of what noise is usual of their validation loss, as a share of that loss. `runs`: how many were judged by the same
    validation pictures.
    """

    accuracy: float | None = None
    noise: float | None = None
    runs: int = 0


@dataclass(frozen=True, eq=False)
class History:
    """One run so far. Losses in nats, accuracies in 0..1; `probe_*` = fixed training pictures, eval mode, no augmentation.

    `n_probe` and `n_val` None: nobody knows how many pictures there were, as in curves from elsewhere. `planned_epochs` 0: no plan known.
    The twins are shares of the validation pictures that are training pictures too; None: not looked for.
    """

    val_loss: Series
    val_accuracy: Series
    probe_loss: Series
    probe_accuracy: Series
    train_loss: Series
    n_probe: int | None
    n_val: int | None
    class_counts: tuple[int, ...]
    planned_epochs: int
    learning_rate: Series = ()
    val_balanced: Series = ()
    probe_balanced: Series = ()
    pictures: Pictures | None = None
    exact_twins: float | None = None
    near_twins: float | None = None
    yardstick: Yardstick = Yardstick()
