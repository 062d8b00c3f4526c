"""What two recipes show, and the seeds that would show more."""

from pathlib import Path
from statistics import stdev

import pytest
from hypothesis import given
from hypothesis import strategies as some

from engine.config import CONFIG_VERSION, RunConfig
from engine.jobs import launch
from engine.store import labels, overview, runs
from engine.store.connect import Store
from engine.store.home import Home
from engine.studies import recipes, seeds
from engine.studies.contrast import find
from tests.studies.some_runs import recipe


def test_one_run_each_is_no_evidence_however_far_apart() -> None:
    found = find(recipe((0, 0.2)), recipe((0, 0.9), dropout=0.5))
    assert found.kind == "single"
    assert found.ahead.by_seed == {0: 0.9}
    assert found.target == 3


def test_a_difference_beyond_its_interval_is_told() -> None:
    found = find(recipe((0, 0.80), (1, 0.81), (2, 0.8201)), recipe((0, 0.90), (1, 0.91), (2, 0.92), dropout=0.5))
    assert (found.kind, found.now, found.target, found.signs) == ("ahead", 3, None, None)
    assert found.ahead.knobs["dropout"] == 0.5
    assert found.spread == pytest.approx(0.0201)


def test_too_close_says_how_many_seeds_it_takes() -> None:
    found = find(recipe((0, 0.90), (1, 0.86), (2, 0.89)), recipe((0, 0.88), (1, 0.87), (2, 0.885), dropout=0.5))
    assert found.kind == "close"
    assert found.seeds is not None
    assert found.seeds > 3
    assert found.target is not None
    assert 3 < found.target <= 13


def test_too_close_says_what_could_have_been_seen() -> None:
    """Three differences of deviation s: 3.264 s, at the power and level of all planning here."""
    found = find(recipe((0, 0.90), (1, 0.86), (2, 0.89)), recipe((0, 0.88), (1, 0.87), (2, 0.885), dropout=0.5))
    assert found.detectable == pytest.approx(3.264 * stdev([0.02, -0.01, 0.005]), rel=1e-3)
    unpaired = find(recipe((0, 0.90), (1, 0.86), (2, 0.89)), recipe((5, 0.88), (6, 0.87), (7, 0.885), dropout=0.5))
    assert unpaired.detectable is not None
    assert unpaired.detectable > unpaired.difference.estimate.half > unpaired.difference.estimate.value


def test_a_difference_that_no_accuracy_can_have_is_not_said_to_be_seen() -> None:
    found = find(recipe((0, 0.9), (1, 0.7)), recipe((0, 0.6), (1, 0.85), dropout=0.5))
    assert (found.kind, found.detectable) == ("close", None)


def test_the_signs_speak_from_six_pairs_on() -> None:
    ahead = [(seed, 0.90 + seed / 1000) for seed in range(6)]
    behind = [(seed, 0.88 + seed / 500) for seed in range(6)]
    assert find(recipe(*ahead[:5]), recipe(*behind[:5], dropout=0.5)).signs is None
    assert find(recipe(*ahead), recipe(*behind, dropout=0.5)).signs == 2 / 64
    assert find(recipe(*ahead), recipe(*((seed + 9, value) for seed, value in behind), dropout=0.5)).signs is None


def test_a_difference_without_spread_counts_from_six_seeds_on() -> None:
    ahead, behind = [(seed, (91 + seed) / 100) for seed in range(6)], [(seed, (90 + seed) / 100) for seed in range(6)]
    found = find(recipe(*ahead[:3]), recipe(*behind[:3], dropout=0.5))
    assert (found.kind, found.uniform, found.detectable, found.seeds, found.target) == ("close", True, None, 6, 6)
    assert find(recipe(*ahead), recipe(*behind, dropout=0.5)).kind == "ahead"


@pytest.mark.parametrize("other", [{"dataset": "cifar10"}, {"validation_share": 0.3}])
def test_other_pictures_are_not_compared(other: dict[str, object]) -> None:
    found = find(recipe((0, 0.9), (1, 0.91)), recipe((0, 0.1), (1, 0.11), **other))
    assert (found.kind, found.target) == ("other_data", None)


def test_equal_to_the_last_digit_and_nothing_yet() -> None:
    equal = find(recipe((0, 0.9), (1, 0.8)), recipe((0, 0.9), (1, 0.8), dropout=0.5))
    assert (equal.kind, equal.target) == ("equal", 5)
    by_chance = find(recipe((0, 0.9), (1, 0.87)), recipe((0, 0.87), (1, 0.9), dropout=0.5))
    assert (by_chance.kind, by_chance.level, by_chance.seeds, by_chance.target) == ("close", True, None, 5)
    assert find(recipe((0, 0.9)), recipe((0, None), state="running", dropout=0.5)).kind == "nothing"


def test_seeds_that_one_side_lacks_come_before_new_ones() -> None:
    one, other = recipe((0, 0.9), (5, 0.9)), recipe((0, 0.8), (1, 0.8), dropout=0.5)
    orders = seeds.plan(one, other, 4)
    assert [(order.parent, order.seed) for order in orders] == [
        (one.runs[0].id, 1),
        (other.runs[0].id, 5),
        (one.runs[0].id, 2),
        (other.runs[0].id, 2),
    ]
    assert seeds.seconds(orders, [one, other]) == 40.0
    assert seeds.plan(one, other, 1) == []


def test_a_seed_that_failed_is_not_tried_again_and_one_under_way_not_twice() -> None:
    one = recipe((0, 0.9))
    failed, under_way = recipe((0, None), state="diverged", dropout=0.5), recipe((0, None), state="queued", dropout=0.5)
    assert [order.seed for order in seeds.plan(one, failed, 1)] == [1, 1]
    assert seeds.plan(one, under_way, 1) == []


few = some.dictionaries(some.integers(0, 6), some.floats(0.1, 0.9), min_size=1, max_size=5)


@given(few, few, some.integers(1, 8))
def test_a_plan_gives_both_the_wanted_seeds_and_nothing_twice(one: dict[int, float], other: dict[int, float], target: int) -> None:
    sides = recipe(*one.items()), recipe(*other.items(), dropout=0.5)
    orders = seeds.plan(*sides, target)
    have = [set(side.by_seed) for side in sides]
    for order in orders:
        side = 0 if order.parent == sides[0].runs[0].id else 1
        assert order.seed not in have[side]
        have[side].add(order.seed)
    assert len(have[0] & have[1]) >= target
    assert len({order.key for order in orders}) == len(orders)


def test_queueing_twice_is_queueing_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "ensure_supervisor", lambda store: None)
    store = Store(Home(tmp_path))
    for dropout in (0.2, 0.5):
        config = RunConfig.from_flat({"dropout": dropout}).model_dump(mode="json")
        labels.tag(store, [runs.create(store, runs.New(f"with {dropout}", config, CONFIG_VERSION))], "thesis")
    one, other = recipes.group(overview.rows(store), lambda row: row.facts.recipe)
    orders = seeds.plan(one, other, 3)
    numbers = seeds.queue(store, orders)
    assert seeds.queue(store, orders) == numbers
    now = recipes.group(overview.rows(store), lambda row: row.facts.recipe)
    assert [sorted(run.knobs["seed"] for run in each.runs) for each in now] == [[0, 1, 2], [0, 1, 2]]
    assert {(run.name, run.tags) for run in now[0].runs} in ({("with 0.2", ("thesis",))}, {("with 0.5", ("thesis",))})
    assert seeds.plan(now[0], now[1], 3) == []
    store.engine.dispose()
