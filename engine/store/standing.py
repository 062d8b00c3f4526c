"""How finished runs on the same data stand: the yardstick for what this data allows. Reads validation only."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from engine.store.connect import Store
from engine.store.runs import State
from engine.store.tables import runs

# Fewer finished runs than this are no yardstick.
ENOUGH = 3
UPPER_QUARTILE = 0.75


def reference_accuracy(store: Store, dataset: str) -> float | None:
    """The upper quartile of the best validation accuracies of the finished runs on this data; None when there are too few."""
    query = sa.select(runs.c.config, runs.c.summary).where(runs.c.state == State.FINISHED)
    with store.read() as connection:
        rows = connection.execute(query).all()
    seen = sorted(row.summary["val_accuracy"] for row in rows if row.config["data"]["dataset"] == dataset and _measured(row.summary))
    return seen[round(UPPER_QUARTILE * (len(seen) - 1))] if len(seen) >= ENOUGH else None


def _measured(summary: Mapping[str, Any]) -> bool:
    return summary.get("val_accuracy") is not None
