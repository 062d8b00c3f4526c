"""Which checkpoints stay, what the data folder may take, and the numbers that people set."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BadInput, Fenced, Refused
from engine.store import budget, keeping, records, runs, settings, transitions
from engine.store.connect import Store
from engine.store.keeping import Kept, superfluous
from engine.store.records import Batch
from engine.store.runs import Claim, New, State


@pytest.fixture
def claim(store: Store) -> Claim:
    runs.create(store, New("a run", {}, 1))
    return begun(store)


def begun(store: Store) -> Claim:
    claim = transitions.claim(store)
    assert claim is not None
    transitions.begin(store, claim, {})
    return claim


def kept(epoch: int, best: bool = False, *, step: int | None = None) -> Kept:
    step = 10 * epoch if step is None else step
    return Kept(f"step-{step:08d}", step, epoch, best, 1000, f"{step:064d}")


def keep(store: Store, claim: Claim, *new: Kept) -> list[str]:
    return records.append(store, claim, Batch(checkpoints=new)).dropped


def epochs(store: Store, claim: Claim) -> list[int]:
    return [one.epoch for one in keeping.of(store, claim.run)]


def test_the_last_two_and_the_best_stay(store: Store, claim: Claim) -> None:
    dropped = [keep(store, claim, kept(epoch, best=epoch in (1, 3))) for epoch in range(1, 8)]
    assert epochs(store, claim) == [7, 6, 3]
    assert sorted(sum(dropped, [])) == [kept(epoch).name for epoch in (1, 2, 4, 5)]
    assert keeping.bytes_in_all(store) == 3000


def test_every_third_epoch_stays_when_that_is_set(store: Store, claim: Claim) -> None:
    settings.set_to(store, settings.KEEP_EVERY, 3)
    for epoch in range(1, 12):
        keep(store, claim, kept(epoch, best=epoch == 4))
    assert epochs(store, claim) == [11, 10, 9, 6, 4, 3]


def test_of_an_epoch_the_checkpoint_at_its_end_stays_not_one_of_the_next_epochs_middle(store: Store, claim: Claim) -> None:
    settings.set_to(store, settings.KEEP_EVERY, 3)
    keep(store, claim, kept(3))
    keep(store, claim, kept(3, step=34), kept(3, step=38))
    keep(store, claim, kept(4), kept(5))
    assert [one.step for one in keeping.of(store, claim.run)] == [50, 40, 30]


def test_many_at_once_are_thinned_at_once(store: Store, claim: Claim) -> None:
    assert len(keep(store, claim, *(kept(epoch, best=epoch == 2) for epoch in range(1, 7)))) == 3
    assert epochs(store, claim) == [6, 5, 2]


def test_a_later_attempt_is_newer_whatever_its_step(store: Store, claim: Claim) -> None:
    keep(store, claim, kept(5), kept(6, best=True))
    keeping.forget(store, claim, kept(6).name)
    transitions.crashed(store, claim, State.FAILED, {"key": "errors.stopped", "fields": {}})
    later = begun(store)
    keep(store, later, kept(3, step=31), kept(4, step=41))
    assert [one.step for one in keeping.of(store, claim.run)] == [41, 31]


def test_a_zombie_names_no_checkpoint(store: Store, claim: Claim) -> None:
    transitions.end(store, claim, State.LOST)
    with pytest.raises(Fenced):
        keep(store, claim, kept(1))
    assert keeping.of(store, claim.run) == []


def test_a_zombie_takes_no_checkpoint_away(store: Store, claim: Claim) -> None:
    keep(store, claim, kept(5), kept(6, best=True))
    transitions.crashed(store, claim, State.FAILED, {"key": "errors.stopped", "fields": {}})
    begun(store)
    with pytest.raises(Fenced):
        keeping.forget(store, claim, kept(6).name)
    with pytest.raises(Fenced):
        keeping.rewind(store, claim, 0)
    assert len(keeping.of(store, claim.run)) == 2


def line(marks: Sequence[tuple[int, bool]]) -> list[Kept]:
    """Checkpoints of rising steps, the newest first."""
    return [kept(epoch, best, step=at) for at, (epoch, best) in enumerate(sorted(marks, key=lambda mark: mark[0]), 1)][::-1]


@given(marks=st.lists(st.tuples(st.integers(0, 30), st.booleans()), max_size=20), every=st.integers(0, 7))
def test_what_must_stay_stays_and_dropping_again_drops_nothing(marks: list[tuple[int, bool]], every: int) -> None:
    there = line(marks)
    gone = set(superfluous(there, every))
    left = [one for one in there if one.name not in gone]
    assert left[:2] == there[:2]
    assert next((one for one in there if one.best), None) == next((one for one in left if one.best), None)
    if every:
        assert {one.epoch for one in there if one.epoch and one.epoch % every == 0} <= {one.epoch for one in left}
    else:
        assert len(left) <= 3
    assert superfluous(left, every) == []


def test_the_budget_counts_checkpoints_and_caches_and_follows_no_link(store: Store, claim: Claim, tmp_path: Path) -> None:
    keep(store, claim, kept(1), kept(2))
    (store.home.cache / "digits").mkdir(parents=True)
    (store.home.cache / "digits" / "images").write_bytes(bytes(500))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "large").write_bytes(bytes(10**6))
    (store.home.cache / "link").symlink_to(elsewhere)
    (store.home.cache / "file").symlink_to(elsewhere / "large")
    (store.home.cache / "gone").symlink_to(elsewhere / "never there")
    os.mkfifo(store.home.cache / "pipe")
    now = budget.space(store)
    assert (now.checkpoints, now.caches, now.budget) == (2000, 500, 20 * budget.GB)
    assert now.left == now.budget - 2500


def test_a_spent_budget_is_refused_with_what_to_do(store: Store) -> None:
    settings.set_to(store, settings.DISK_BUDGET, 0.1)
    budget.require_room(store, 10**8)
    with pytest.raises(Refused, match=r"0\.50 GB more .* 0\.10 GB of 0\.10 GB .* --disk-budget"):
        budget.require_room(store, 5 * 10**8)


def test_a_setting_has_its_default_until_it_is_set(store: Store) -> None:
    assert {name: settings.get(store, one) for name, one in settings.SETTINGS.items()} == {"disk_budget": 20.0, "slots": 1, "keep_every": 0}
    settings.set_to(store, settings.SLOTS, 3)
    settings.set_to(store, settings.SLOTS, 4)
    assert settings.get(store, settings.SLOTS) == 4


@pytest.mark.parametrize(
    ("name", "value"),
    [("slots", 0), ("slots", 65), ("slots", 1.5), ("keep_every", -1), ("keep_every", 0.5), ("disk_budget", 0), ("disk_budget", 1e9)]
    + [(name, value) for name in settings.SETTINGS for value in (float("nan"), float("inf"), float("-inf"))],
)
def test_a_setting_outside_its_bounds_is_refused(store: Store, name: str, value: float) -> None:
    with pytest.raises(BadInput, match=name):
        settings.set_to(store, settings.SETTINGS[name], value)
    assert settings.get(store, settings.SETTINGS[name]) == settings.SETTINGS[name].default
