"""What was said of a run over its epochs: the verdict events as spells in which the verdict stayed the same. Judges nothing."""

from dataclasses import dataclass
from itertools import groupby
from typing import Any

import sqlalchemy as sa

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


def spells(store: Store, run: int) -> list[Spell]:
    """The spells of a run, the oldest first, without what rewinds took back."""
    name, tier = (events.c.data[key].as_string() for key in ("name", "tier"))
    light = sa.select(events.c.seq, events.c.kind, events.c.step, events.c.epoch, name.label("name"), tier.label("tier"))
    with store.snapshot() as connection:
        rows = connection.execute(light.where(events.c.run == run, events.c.kind.in_((VERDICT, REWIND))).order_by(events.c.seq)).all()
        groups = [list(same) for _, same in groupby(_standing(rows), key=lambda row: (row.name, row.tier))][-MOST:]
        begun = {same[0].seq: same for same in groups}
        whole = sa.select(events.c.seq, events.c.data).where(events.c.run == run, events.c.seq.in_(begun)).order_by(events.c.seq)
        return [Spell(begun[seq][0].epoch, begun[seq][-1].epoch, data) for seq, data in connection.execute(whole)]


def _standing(rows: Any) -> list[Any]:
    """The verdicts that no later rewind took back; a resumed run says its last one again."""
    standing: list[Any] = []
    for row in rows:
        while standing and standing[-1].step > row.step:
            standing.pop()
        if row.kind == VERDICT:
            standing.append(row)
    return standing
