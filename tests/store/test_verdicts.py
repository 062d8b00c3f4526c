"""What was said of a run over its epochs, as spells; rewinds take back what lay behind them."""

import time

from engine.store import records
from engine.store.connect import Store
from engine.store.verdicts import MOST, Spell, spells
from tests.store.filled import claimed


def said(seq: int, epoch: int, name: str, tier: str | None = None) -> records.Event:
    return records.Event(seq, records.VERDICT, 10 * epoch, epoch, {"name": name, "tier": tier, "seq": seq}, time.time())


def told(store: Store, *events: records.Event) -> list[Spell]:
    claim = claimed(store)
    records.append(store, claim, records.Batch(events=events))
    return spells(store, claim.run)


def test_a_run_that_has_said_nothing_has_no_spells(store: Store) -> None:
    assert told(store) == []


def test_a_spell_lasts_while_name_and_tier_do(store: Store) -> None:
    found = told(store, said(1, 1, "too_early"), said(2, 2, "too_early"), said(3, 3, "watch", "weak"), said(4, 4, "watch", "medium"))
    assert [(spell.first, spell.last, spell.data["seq"]) for spell in found] == [(1, 2, 1), (3, 3, 3), (4, 4, 4)]


def test_a_rewind_takes_back_what_lay_behind_it(store: Store) -> None:
    rewind = records.Event(4, records.REWIND, 20, 2, {}, time.time())
    found = told(store, said(1, 1, "healthy"), said(2, 2, "healthy"), said(3, 3, "diverged"), rewind, said(5, 2, "healthy"))
    assert [(spell.first, spell.last, spell.data["name"]) for spell in found] == [(1, 2, "healthy")]


def test_of_many_changes_the_newest_are_told(store: Store) -> None:
    found = told(store, *(said(epoch, epoch, ("healthy", "watch")[epoch % 2]) for epoch in range(1, 301)))
    assert len(found) == MOST
    assert found[-1].last == 300
