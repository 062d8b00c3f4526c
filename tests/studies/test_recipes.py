"""Recipes: what counts, how two are compared, how each stands to the best."""

import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy import stats

from engine.studies import recipes
from engine.studies.recipes import Recipe, difference, standings
from tests.studies.some_runs import recipe, run


def test_runs_alike_in_all_but_the_seed_are_one_recipe() -> None:
    known = [run(1, 0.9), run(0, 0.8), run(0, 0.7, dropout=0.5)]
    found = recipes.group(known, lambda each: tuple(value for name, value in each.knobs.items() if name != "seed"))
    assert [[each.id for each in one.runs] for one in found] == [[known[0].id, known[1].id], [known[2].id]]
    assert found[0].by_seed == {0: 0.8, 1: 0.9}


@pytest.mark.parametrize("state", ["queued", "running", "paused", "stopped", "failed", "diverged", "lost"])
def test_only_finished_runs_count(state: str) -> None:
    found = recipe((0, 0.9), state=state)
    assert found.estimate is None
    assert found.open == 1


def test_equal_runs_are_no_second_sample() -> None:
    found = recipe((0, 0.9), (0, 0.9), (1, 0.8))
    assert found.by_seed == {0: 0.9, 1: 0.8}
    assert found.estimate is not None
    assert found.estimate.n == 2


def test_the_test_part_is_never_looked_at() -> None:
    one = run(0, 0.5)
    one.summary["test_accuracy"] = 0.99
    assert Recipe((one,)).by_seed == {0: 0.5}
    assert recipes.MEASURE.startswith("val_")


def test_two_seeds_in_common_are_compared_pair_by_pair() -> None:
    one, other = recipe((0, 0.90), (1, 0.80), (2, 0.85)), recipe((0, 0.89), (1, 0.785), (7, 0.1), dropout=0.5)
    found = difference(one, other)
    assert found is not None
    assert found.paired
    low, high = stats.ttest_rel([0.90, 0.80], [0.89, 0.785]).confidence_interval(0.95)
    assert (found.estimate.low, found.estimate.high) == pytest.approx((low, high))


def test_without_pairs_it_is_welchs_interval() -> None:
    found = difference(recipe((0, 0.9), (1, 0.8)), recipe((1, 0.7), (2, 0.6), (3, 0.65), dropout=0.5))
    assert found is not None
    assert not found.paired
    low, high = stats.ttest_ind([0.9, 0.8], [0.7, 0.6, 0.65], equal_var=False).confidence_interval(0.95)
    assert (found.estimate.low, found.estimate.high) == pytest.approx((low, high))


def test_each_stands_to_the_best_in_a_word() -> None:
    best = recipe((0, 0.90), (1, 0.91), (2, 0.92))
    close = recipe((0, 0.93), (1, 0.88), (2, 0.90), dropout=0.1)
    worse = recipe((0, 0.80), (1, 0.81), (2, 0.8201), dropout=0.3)
    single = recipe((0, 0.99), dropout=0.4)
    waiting = recipe((0, None), state="queued", dropout=0.7)
    found = standings([worse, single, close, best, waiting])
    assert [found[each.id] for each in (best, close, worse, single, waiting)] == ["best", "close", "worse", "unknown", "unknown"]


def test_other_validation_pictures_have_a_best_of_their_own() -> None:
    here = [recipe((0, 0.90), (1, 0.91)), recipe((0, 0.50), (1, 0.5101), dropout=0.5)]
    there = [recipe((0, 0.99), (1, 0.98), validation_share=0.3), recipe((0, 0.3), (1, 0.31), dropout=0.5, validation_share=0.3)]
    found = standings([*here, *there])
    assert [found[each.id] for each in (here[0], there[0])] == ["best", "best"]


def test_what_stands_alone_is_no_best() -> None:
    alone, single = recipe((0, 0.9), (1, 0.91)), recipe((0, 0.5), dropout=0.5)
    assert standings([alone, single]) == {alone.id: "unknown", single.id: "unknown"}


seeds = some.dictionaries(some.integers(0, 5), some.floats(0.1, 0.9), min_size=1, max_size=6)


@given(seeds, seeds)
def test_a_difference_turns_with_its_sides(one: dict[int, float], other: dict[int, float]) -> None:
    ahead, behind = recipe(*one.items()), recipe(*other.items(), dropout=0.5)
    there, back = difference(ahead, behind), difference(behind, ahead)
    assert there is not None
    assert back is not None
    assert there.estimate.value == pytest.approx(-back.estimate.value)
    assert there.pairs == back.pairs == len(one.keys() & other.keys())


@given(some.lists(seeds, min_size=1, max_size=5))
def test_there_is_at_most_one_best_and_never_of_one_seed(all_of_them: list[dict[int, float]]) -> None:
    known = [recipe(*each.items(), width=2.0 + place / 10) for place, each in enumerate(all_of_them)]
    found = standings(known)
    assert list(found.values()).count("best") <= 1
    assert all(found[each.id] == "unknown" for each in known if len(each.by_seed) < 2)
