"""What was said of a run: the verdict that stands, and the verdict events as spells in which it stayed the same. Judges nothing."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from engine.diagnosis.verdict import Verdict
from engine.diagnosis.words import WORDLESS, explain
from engine.errors import NotFound
from engine.store.connect import Store
from engine.store.records import REWIND, VERDICT
from engine.store.tables import events

# Spells told at most, the newest: a verdict that changes at every epoch of a long run is read by nobody.
MOST = 100


@dataclass(frozen=True)
class Spell:
    """From `first` to `last` epoch the same verdict of the same tier; `data` is what was said at its beginning."""

    first: int
    last: int
    data: dict[str, Any]


def newest(store: Store, run: int) -> Verdict | None:
    """What was last said of a run and no rewind took back. Raises NotFound where another version of Athanor said it."""
    with store.snapshot() as connection:
        with connection.execute(_told(run)) as rows:
            last = next(_standing(rows), None)
        if last is None:
            return None
        data = connection.execute(sa.select(events.c.data).where(events.c.run == run, events.c.seq == last.seq)).scalar_one()
    return _read(run, data)


def _read(run: int, data: Any) -> Verdict:
    try:
        verdict = Verdict.from_dict(data)
        explain(verdict)
    except WORDLESS as error:
        raise NotFound("errors.foreign_verdict", run=run) from error
    return verdict


def spells(store: Store, run: int) -> list[Spell]:
    """The spells of a run, the oldest first, without what rewinds took back."""
    name, tier = (events.c.data[key].as_string() for key in ("name", "tier"))
    with store.snapshot() as connection:
        standing = [*_standing(connection.execute(_told(run, name.label("name"), tier.label("tier"))))][::-1]
        groups = [list(same) for _, same in groupby(standing, key=lambda row: (row.name, row.tier))][-MOST:]
        begun = {same[0].seq: same for same in groups}
        whole = sa.select(events.c.seq, events.c.data).where(events.c.run == run, events.c.seq.in_(begun)).order_by(events.c.seq)
        return [Spell(begun[seq][0].epoch, begun[seq][-1].epoch, data) for seq, data in connection.execute(whole)]


def _told(run: int, *more: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """The verdicts and rewinds of a run, the newest first, without all that a verdict holds."""
    light = sa.select(events.c.seq, events.c.kind, events.c.step, events.c.epoch, *more)
    return light.where(events.c.run == run, events.c.kind.in_((VERDICT, REWIND))).order_by(events.c.seq.desc())


def _standing(newest_first: Iterable[Any]) -> Iterator[Any]:
    """The verdicts behind whose step nothing told later goes back; a resumed run says its last one again."""
    lowest = math.inf
    for row in newest_first:
        if row.kind == VERDICT and row.step <= lowest:
            yield row
        lowest = min(lowest, row.step)
