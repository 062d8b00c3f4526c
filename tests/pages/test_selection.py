"""What a click in the table makes of the choice, whatever the table shows."""

from hypothesis import given
from hypothesis import strategies as some

from pages.components.selection import chosen_after, places


def test_runs_that_are_not_shown_stay_chosen_and_keep_their_place() -> None:
    assert chosen_after([7, 3], [(5,), (3,), (1,)], [1, 2]) == [7, 3, 1]
    assert chosen_after([7, 3], [(5,), (3,), (1,)], []) == [7]


def test_a_recipe_is_chosen_with_all_its_runs_and_kept_with_those_that_were() -> None:
    assert chosen_after([], [(1, 2, 3), (4,)], [0]) == [1, 2, 3]
    assert chosen_after([2], [(1, 2, 3), (4,)], [0, 1]) == [2, 4]
    assert chosen_after([2, 4], [(1, 2, 3), (4,)], [1]) == [4]


rows = some.lists(some.integers(1, 30), unique=True, max_size=12).map(lambda numbers: [(number,) for number in numbers])


@given(some.lists(some.integers(1, 30), unique=True, max_size=12), rows)
def test_what_was_not_touched_changes_nothing(chosen: list[int], shown: list[tuple[int, ...]]) -> None:
    assert chosen_after(chosen, shown, places(shown, chosen)) == chosen
