"""What was prescribed and followed: which run tried what, for which verdict on which parent, and how both came out."""

from dataclasses import dataclass

import sqlalchemy as sa

from engine.store.connect import Store
from engine.store.standing import ASKED
from engine.store.tables import advice, runs

# Pairs looked at, the newest: a mean over more says the same.
MOST = 2_000


@dataclass(frozen=True)
class Followed:
    """A run that tried a prescription, and the best validation accuracy of the run that it was prescribed for, and its own, 0..1.

    `comparable`: both are finished and were judged by the same validation pictures.
    """

    run: int
    parent: int
    verdict: str
    prescription: str
    before: float | None
    after: float | None
    comparable: bool


def followed(store: Store, run: int | None = None) -> list[Followed]:
    """What was tried, newest first; by one run, where one is named."""
    child, parent = runs.alias("child"), runs.alias("parent")
    before, after = (each.c.summary["val_accuracy"].as_float() for each in (parent, child))
    pair = (parent.c.state == "finished", child.c.state == "finished")
    alike = [parent.c.config[("data", name)].as_string().is_not_distinct_from(child.c.config[("data", name)].as_string()) for name in ASKED]
    outcome = (before.label("before"), after.label("after"), sa.and_(*pair, *alike).label("comparable"))
    query = (
        sa.select(advice.c.run, advice.c.parent, advice.c.verdict, advice.c.prescription, *outcome)
        .join(child, child.c.id == advice.c.run)
        .join(parent, parent.c.id == advice.c.parent)
        .order_by(advice.c.run.desc())
        .limit(MOST)
    )
    with store.read() as connection:
        rows = connection.execute(query if run is None else query.where(advice.c.run == run)).all()
    return [Followed(**row._mapping) for row in rows]
