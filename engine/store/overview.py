"""All runs at a glance: as much of each as a table of ten thousand shows, read anew only where something may have changed.

Of runs that have ended the config and the numbers are kept in memory: they change only with another attempt. Names, notes, tags
and states are read every time (10,000 runs: 25 ms, where reading them whole takes 420 ms).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa

from engine.config import KNOBS
from engine.config.versions import current
from engine.store.connect import Store
from engine.store.labels import tags_of
from engine.store.runs import State
from engine.store.tables import runs

SEED = "seed"
ENDED = tuple(state for state in State if state.ended)
# Numbers in one statement.
AT_ONCE = 1_000


@dataclass(frozen=True)
class Facts:
    """What does not change while no further attempt is made: the config (flat), how it was computed, what came out."""

    knobs: Mapping[str, Any]
    summary: Mapping[str, Any]
    numerics: Mapping[str, Any] | None

    @cached_property
    def recipe(self) -> tuple[Any, ...]:
        """Every knob but the seed, in order of declaration: runs of one recipe differ by chance alone."""
        return tuple(self.knobs.get(name) for name in KNOBS if name != SEED)


@dataclass(frozen=True, eq=False)
class Row:
    """A run in the table. The same row is the same object as long as nothing about it has changed."""

    id: int
    name: str
    state: State
    note: str
    tags: tuple[str, ...]
    facts: Facts

    @property
    def knobs(self) -> Mapping[str, Any]:
        """`{knob: value}`."""
        return self.facts.knobs

    @property
    def summary(self) -> Mapping[str, Any]:
        """What has been measured; never on the test part."""
        return self.facts.summary

    @cached_property
    def searched(self) -> str:
        """Everything that a search looks through, in small letters: number, name, note, tags, `knob=value`."""
        knobs = (f"{name}={value}" for name, value in self.knobs.items())
        return "\n".join((f"#{self.id}", self.name, self.note, *self.tags, *knobs)).casefold()


@dataclass(frozen=True)
class _Kept:
    """A row as it was last seen, with the attempt it tells of."""

    attempt: int
    row: Row


_kept: WeakKeyDictionary[Store, dict[int, _Kept]] = WeakKeyDictionary()
_keeping = Lock()


def rows(store: Store) -> list[Row]:
    """All runs, newest first."""
    words = tags_of(store)
    narrow = sa.select(runs.c.id, runs.c.name, runs.c.state, runs.c.attempt, runs.c.note).order_by(runs.c.id.desc())
    with store.read() as connection:
        seen = connection.execute(narrow).all()
    with _keeping:
        known = _kept.get(store, {})
    facts = _facts(store, [number for number, _, state, attempt, _ in seen if not _stands(known.get(number), state, attempt)])
    kept: dict[int, _Kept] = {}
    for number, name, state, attempt, note in seen:
        last, label = known.get(number), (name, note or "", words.get(number, ()))
        if number in facts:
            kept[number] = _Kept(attempt, Row(number, name, State(state), label[1], label[2], facts[number]))
        elif last is not None and label == (last.row.name, last.row.note, last.row.tags):
            kept[number] = last
        elif last is not None:
            kept[number] = _Kept(attempt, replace(last.row, name=name, note=label[1], tags=label[2]))
    with _keeping:
        _kept[store] = kept
    return [each.row for each in kept.values()]


def _stands(last: _Kept | None, state: str, attempt: int) -> bool:
    """Whether what is remembered of a run is what the store has."""
    return last is not None and last.attempt == attempt and last.row.state == state and state in ENDED


def _facts(store: Store, numbers: list[int]) -> dict[int, Facts]:
    wide = sa.select(runs.c.id, runs.c.config, runs.c.config_version, runs.c.summary, runs.c.numerics)
    some = [numbers[start : start + AT_ONCE] for start in range(0, len(numbers), AT_ONCE)]
    found: dict[int, Facts] = {}
    with store.read() as connection:
        for part in some:
            for number, config, version, summary, numerics in connection.execute(wide.where(runs.c.id.in_(part))):
                flat = {name: value for group in current(config, version).values() for name, value in group.items()}
                found[number] = Facts(flat, summary, numerics)
    return found


def stamp(store: Store) -> tuple[Any, ...]:
    """Another value whenever a run was added or deleted, or one has changed its state: cheap enough to look at every second."""
    of_all = sa.select(sa.func.count(), sa.func.max(runs.c.id)).select_from(runs)
    moving = sa.select(runs.c.id, runs.c.state, runs.c.attempt).where(runs.c.state.not_in(ENDED)).order_by(runs.c.id)
    with store.snapshot() as connection:
        return (*connection.execute(of_all).one(), *(tuple(row) for row in connection.execute(moving)))
