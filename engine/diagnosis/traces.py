"""The evidence over the whole run: each number that the rules look at, by epoch, beside the limit at which it counts.

For drawing; decides nothing.
"""

from dataclasses import dataclass

import numpy as np

from engine.diagnosis.case import Case
from engine.diagnosis.history import History
from engine.diagnosis.rules.generalisation import CALIBRATION, OVERFIT_GAP, OVERFIT_Z, watch_rise


@dataclass(frozen=True, eq=False)
class Trace:
    """One kind of evidence: `epoch` (m,), `value` (m,), its 95 % interval where it has one, and the limit (m,).

    `name`: `rise` in nats, `gap` and `calibration` as shares, `paired` in standard errors.
    """

    name: str
    epoch: np.ndarray
    value: np.ndarray
    limit: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None


def traces(history: History) -> list[Trace]:
    """What there is to draw of a history; evidence of which nothing was recorded is left out."""
    with np.errstate(all="ignore"):
        case = Case(history)
        if not case.m:
            return []
        epoch = case.rows + 1
        found = [
            Trace("rise", epoch, case.val - case.val_best, watch_rise(case)),
            Trace("gap", epoch, case.gap, np.full(case.m, OVERFIT_GAP), *(case.gap_interval if case.n_val else (None, None))),
        ]
        if history.pictures is not None:
            error, z = (case.by_row(series) for series in (history.pictures.calibration_error, history.pictures.paired_z))
            found.append(Trace("paired", epoch, z, np.full(case.m, OVERFIT_Z)))
            found.append(Trace("calibration", epoch, error, np.full(case.m, CALIBRATION)))
        return [each for each in found if np.isfinite(each.value).any()]
