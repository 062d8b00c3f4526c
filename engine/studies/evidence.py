"""The evidence of a stored run over its epochs, made anew from its curves for drawing. Knows no screen."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.config import KNOBS
from engine.diagnosis import History, Pictures
from engine.diagnosis.traces import Trace, traces
from engine.store.blobs import Columns
from engine.store.runs import Run

# Training pictures that the probe has at most (`engine.data.resident`).
PROBE = 2000
MOST_EPOCHS = int(KNOBS["epochs"].high or 0)


def evidence(run: Run, curves: Mapping[str, Columns]) -> list[Trace]:
    """What there is to draw; nothing before the first epoch."""
    known: dict[str, Any] = {name: _by_epoch(points) for name, points in curves.items()}
    if "val_loss" not in known or "probe_loss" not in known:
        return []
    names = ("val_loss", "val_accuracy", "probe_loss", "probe_accuracy", "train_loss", "learning_rate", "val_balanced", "probe_balanced")
    n_val, n_train = run.summary.get("validation_images"), run.summary.get("train_images")
    seen = Pictures(known.get("paired_z", ()), (), (), known.get("calibration_error", ()), (), ())
    return traces(
        History(
            **{name: known.get(name, ()) for name in names}, n_probe=min(n_val, n_train, PROBE) if n_val and n_train else None,
            n_val=n_val, class_counts=tuple(run.summary.get("class_counts", ())), planned_epochs=run.knobs["epochs"], pictures=seen,
        )
    )  # fmt: skip


def _by_epoch(points: Columns) -> np.ndarray:
    """The values at epochs 1, 2, ...; NaN where there is none. A run that was carried here may tell of epochs that no run has."""
    there = points.where((points.epoch >= 1) & (points.epoch <= MOST_EPOCHS))
    values = np.full(int(there.epoch.max(initial=0)), np.nan)
    values[there.epoch - 1] = there.value
    return values
