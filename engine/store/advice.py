"""What was prescribed and followed: which run tried what, for which verdict on which parent, and how both came out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from engine.store.connect import Store
from engine.store.tables import advice, runs

# Pairs looked at, the newest: a mean over more says the same.
MOST = 2_000


@dataclass(frozen=True)
class Advice:
    """Which verdict prescribed what; both are names of the diagnosis."""

    verdict: str
    prescription: str


@dataclass(frozen=True)
class Followed:
    """A run that tried a prescription, and the run it was prescribed for, by their summaries; `finished`: both are."""

    run: int
    parent: int
    verdict: str
    prescription: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    finished: bool


def followed(store: Store, run: int | None = None) -> list[Followed]:
    """What was tried, newest first; by one run, where one is named."""
    child, parent = runs.alias("child"), runs.alias("parent")
    query = (
        sa.select(advice, parent.c.summary.label("before"), child.c.summary.label("after"), parent.c.state.label("one"), child.c.state)
        .join(child, child.c.id == advice.c.run)
        .join(parent, parent.c.id == advice.c.parent)
        .order_by(advice.c.run.desc())
        .limit(MOST)
    )
    with store.read() as connection:
        rows = connection.execute(query if run is None else query.where(advice.c.run == run)).all()
    return [
        Followed(row.run, row.parent, row.verdict, row.prescription, row.before, row.after, row.one == row.state == "finished")
        for row in rows
    ]
