"""How finished runs on the same data stand: the yardstick for what this data allows. Reads validation only."""

from collections.abc import Iterable, Mapping
from statistics import median
from typing import Any

import numpy as np
import sqlalchemy as sa

from engine.config.data import SPLIT_KNOBS
from engine.config.versions import current
from engine.diagnosis import Yardstick
from engine.store.connect import Store
from engine.store.runs import State
from engine.store.tables import runs

# Fewer finished runs than this are no yardstick.
ENOUGH = 3
UPPER_QUARTILE = 0.75
# Knobs of the data that decide what is easy: near twins on both sides of the split flatter.
ALIKE = ("dataset", "twins")


def standing(store: Store, data: Mapping[str, Any]) -> Yardstick:
    """How the finished runs stand on this data; `data` are the knobs of a run's data."""
    query = sa.select(runs.c.config, runs.c.config_version, runs.c.summary).where(runs.c.state == State.FINISHED)
    with store.read() as connection:
        rows = connection.execute(query).all()
    found = [(current(row.config, row.config_version)["data"], row.summary) for row in rows]
    same = [(knobs, summary) for knobs, summary in found if all(knobs.get(name) == data.get(name) for name in ALIKE)]
    accuracies, noises = (_known(summary.get(name) for _, summary in same) for name in ("val_accuracy", "val_noise"))
    return Yardstick(
        float(np.quantile(accuracies, UPPER_QUARTILE)) if len(accuracies) >= ENOUGH else None,
        median(noises) if len(noises) >= ENOUGH else None,
        sum(all(knobs.get(name) == data.get(name) for name in SPLIT_KNOBS) for knobs, _ in same),
    )


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]
