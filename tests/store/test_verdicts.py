"""What was said of a run last and over its epochs, as spells; rewinds take back what lay behind them."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from engine.errors import NotFound
from engine.store import records
from engine.store.connect import Store
from engine.store.verdicts import MOST, Spell, newest, spells
from tests.store.filled import VERDICT, claimed


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


def stored(store: Store, *events: records.Event) -> int:
    claim = claimed(store)
    records.append(store, claim, records.Batch(events=events))
    return claim.run


def judged(seq: int, epoch: int, change: Callable[[dict[str, Any]], object] = bool) -> records.Event:
    """A whole verdict; `change` alters what is stored of it."""
    data = replace(VERDICT, epoch=epoch).as_dict()
    change(data)
    return records.Event(seq, records.VERDICT, 10 * epoch, epoch, data, time.time())


def rewound(seq: int, epoch: int) -> records.Event:
    return records.Event(seq, records.REWIND, 10 * epoch, epoch, {}, time.time())


def test_the_last_verdict_is_the_newest(store: Store) -> None:
    assert newest(store, stored(store)) is None
    assert newest(store, stored(store, judged(1, 1), judged(2, 2))) == replace(VERDICT, epoch=2)


def test_what_a_rewind_has_taken_back_is_not_the_newest(store: Store) -> None:
    lost = stored(store, judged(1, 1), judged(2, 2), judged(3, 3), rewound(4, 1))
    assert newest(store, lost) == replace(VERDICT, epoch=1)
    from_the_start = stored(store, judged(1, 1), judged(2, 2), rewound(3, 0))
    assert newest(store, from_the_start) is None
    again = stored(store, judged(1, 1), judged(2, 2), rewound(3, 1), judged(4, 1), judged(5, 2), rewound(6, 1))
    assert newest(store, again) == replace(VERDICT, epoch=1)


@pytest.mark.parametrize("seed", range(20))
def test_the_newest_is_the_last_of_the_last_spell(store: Store, seed: int) -> None:
    epochs = [(7 * seed + 5 * k * k) % 6 for k in range(12)]
    run = stored(store, *(rewound(k, epoch) if k % 3 == seed % 3 else judged(k, epoch) for k, epoch in enumerate(epochs, 1)))
    found, told = newest(store, run), spells(store, run)
    assert (None if found is None else found.epoch) == (told[-1].last if told else None)


def test_of_the_verdicts_before_it_nothing_is_read(file_store: Store) -> None:
    run = stored(file_store, *(judged(epoch, epoch) for epoch in range(1, 101)))
    with file_store.write() as connection:
        connection.execute(sa.text("UPDATE events SET data = '{' WHERE run = :run AND seq < 100"), {"run": run})
    assert newest(file_store, run) == replace(VERDICT, epoch=100)


FOREIGN: dict[str, Callable[[dict[str, Any]], object]] = {
    "nothing": lambda data: data.clear(),
    "another field": lambda data: data.update(more=1),
    "a field less": lambda data: data.pop("epoch"),
    "another name": lambda data: data.update(name="martian"),
    "another tier": lambda data: data.update(tier="cosmic"),
    "no evidence": lambda data: data.update(evidence=[]),
    "evidence without words": lambda data: data["evidence"][0].update(name="omen"),
    "prescriptions that are none": lambda data: data.update(prescriptions=[5]),
}


@pytest.mark.parametrize("change", FOREIGN.values(), ids=FOREIGN.keys())
def test_what_another_version_has_said_is_told_in_a_sentence(store: Store, change: Callable[[dict[str, Any]], object]) -> None:
    run = stored(store, judged(1, 1), judged(2, 2, change))
    with pytest.raises(NotFound, match=f"What was said of run {run} was said by another version of Athanor"):
        newest(store, run)
