"""What was prescribed and followed: which run tried what, for which verdict on which parent, and how both came out."""

from dataclasses import dataclass

import sqlalchemy as sa

from engine.config.data import SPLIT_KNOBS
from engine.store.connect import Store
from engine.store.tables import advice, runs

# Pairs looked at, the newest: a mean over more says the same.
MOST = 2_000


@dataclass(frozen=True)
class Followed:
    """A run that tried a prescription. `before` and `after`: validation accuracy (0..1) at the best epoch, that of the lowest validation
    loss, of the run that it was prescribed for and of its own.

    `comparable`: both are finished and were judged by the same validation pictures. `pair`: equal where both configs are, so that copies
    can be told from others; the lowest number of such a run.
    """

    run: int
    parent: int
    verdict: str
    prescription: str
    before: float | None
    after: float | None
    comparable: bool
    pair: int


def followed(store: Store, run: int | None = None) -> list[Followed]:
    """What was tried, newest first; by one run, where one is named."""
    child, parent = runs.alias("child"), runs.alias("parent")
    before, after = (each.c.summary["val_accuracy"].as_float() for each in (parent, child))
    copies = sa.func.min(advice.c.run).over(partition_by=[sa.cast(each.c.config, sa.Text) for each in (parent, child)])
    finished = sa.and_(parent.c.state == "finished", child.c.state == "finished")
    comparable = sa.and_(finished, *_same_pictures(parent, child))
    outcome = (before.label("before"), after.label("after"), comparable.label("comparable"), copies.label("pair"))
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


def _same_pictures(one: sa.FromClause, other: sa.FromClause) -> list[sa.ColumnElement[bool]]:
    """The knobs that decide, and the folder as it was: as many validation pictures, and of the same training share as many a class."""

    def same(column: str, *path: str) -> sa.ColumnElement[bool]:
        return one.c[column][path].as_string().is_not_distinct_from(other.c[column][path].as_string())

    counts = sa.or_(sa.not_(same("config", "data", "train_share")), same("summary", "class_counts"))
    return [*(same("config", "data", name) for name in SPLIT_KNOBS), same("summary", "validation_images"), counts]
