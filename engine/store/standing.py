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
# What runs did before there was the knob.
EXACT = "exact"


def reference_accuracy(store: Store, dataset: str, twins: str = EXACT) -> float | None:
    """The upper quartile of the best validation accuracies of the finished runs on this data, split alike; None when there are too few.

    `twins` as the knob says: near ones on both sides of the split flatter.
    """
    query = sa.select(runs.c.config, runs.c.summary).where(runs.c.state == State.FINISHED)
    with store.read() as connection:
        rows = connection.execute(query).all()
    told = ((row.config["data"], row.summary) for row in rows)
    alike = (summary for data, summary in told if data["dataset"] == dataset and data.get("twins", EXACT) == twins)
    seen = sorted(summary["val_accuracy"] for summary in alike if _measured(summary))
    return seen[round(UPPER_QUARTILE * (len(seen) - 1))] if len(seen) >= ENOUGH else None


def _measured(summary: Mapping[str, Any]) -> bool:
    return summary.get("val_accuracy") is not None
