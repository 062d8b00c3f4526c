"""Names, notes and tags of runs, and the table at a glance that shows them."""

import pytest

from engine.errors import BadInput, NotFound
from engine.store import deletion, labels, overview, runs, transitions
from engine.store.connect import Store
from engine.store.runs import State
from tests.store.filled import claimed, ended, queue


def test_a_name_is_one_line_of_some_length(store: Store) -> None:
    (number,) = queue(store)
    labels.rename(store, number, "  two\n lines \u202e <b>*x*</b> ")
    assert runs.get(store, number).name == "two lines <b>*x*</b>"
    for name in ("", " \n ", "x" * (labels.NAME + 1)):
        with pytest.raises(BadInput):
            labels.rename(store, number, name)
    assert runs.get(store, number).name == "two lines <b>*x*</b>"


def test_a_note_has_lines_and_can_be_taken_away(store: Store) -> None:
    (number,) = queue(store)
    labels.set_note(store, number, " first\nsecond\x00 ")
    assert runs.get(store, number).note == "first\nsecond"
    labels.set_note(store, number, "")
    assert runs.get(store, number).note is None
    with pytest.raises(BadInput):
        labels.set_note(store, number, "x" * (labels.NOTE + 1))


def test_tags_are_put_on_and_taken_off_runs(store: Store) -> None:
    one, other = queue(store, 2)
    labels.tag(store, [one, other], "thesis")
    labels.tag(store, [one], "thesis")
    labels.tag(store, [one], "a'; drop table runs")
    assert labels.tags_of(store) == {one: ("a'; drop table runs", "thesis"), other: ("thesis",)}
    assert labels.tags_of(store, [other]) == {other: ("thesis",)}
    labels.untag(store, [one, other], "thesis")
    assert labels.tags_of(store) == {one: ("a'; drop table runs",)}


def test_a_run_has_room_for_some_tags(store: Store) -> None:
    one, other = queue(store, 2)
    for place in range(labels.TAGS):
        labels.tag(store, [one], f"tag {place}")
    with pytest.raises(BadInput):
        labels.tag(store, [other, one], "one more")
    assert labels.tags_of(store, [other]) == {}, "a tag is put on all or on none"
    for word in ("", "x" * (labels.TAG + 1)):
        with pytest.raises(BadInput):
            labels.tag(store, [other], word)


def test_a_run_that_is_not_there_is_named(store: Store) -> None:
    (number,) = queue(store)
    for act in (labels.tag, labels.untag):
        with pytest.raises(NotFound):
            act(store, [number, 99], "x")
    with pytest.raises(NotFound):
        labels.rename(store, 99, "x")
    with pytest.raises(NotFound):
        labels.set_note(store, 99, "x")
    assert labels.tags_of(store) == {}


def test_tags_go_with_their_run(store: Store) -> None:
    number = ended(store)
    labels.tag(store, [number], "x")
    deletion.delete(store, [number])
    assert labels.tags_of(store) == {}


def test_the_overview_is_what_the_runs_are(store: Store) -> None:
    numbers = [ended(store), *queue(store, 2, dropout=0.5)]
    labels.tag(store, numbers[:2], "x")
    labels.set_note(store, numbers[1], "mine")
    for _ in range(2):  # the second time from memory
        found = overview.rows(store)
        assert [row.id for row in found] == numbers[::-1]
        for row in found:
            run = runs.get(store, row.id)
            assert (row.name, row.state, row.note, row.knobs, row.summary) == (run.name, run.state, run.note or "", run.knobs, run.summary)
        assert [row.tags for row in found] == [(), ("x",), ("x",)]


def test_the_overview_follows_labels_states_attempts_and_deletions(store: Store) -> None:
    number = ended(store, state=State.STOPPED)
    before = overview.rows(store)
    assert overview.rows(store) == before
    labels.rename(store, number, "new")
    assert overview.rows(store)[0].name == "new"
    assert overview.rows(store)[0].facts is before[0].facts
    transitions.retry(store, number)
    assert overview.rows(store)[0].state is State.QUEUED
    claim = transitions.claim(store)
    assert claim is not None
    transitions.end(store, claim, State.FINISHED)
    assert overview.rows(store)[0].state is State.FINISHED
    deletion.delete(store, [number])
    assert overview.rows(store) == []


def test_the_stamp_changes_with_runs_and_states_and_else_stays(store: Store) -> None:
    seen = [overview.stamp(store)]
    claim = claimed(store)
    seen.append(overview.stamp(store))
    transitions.end(store, claim, State.FINISHED)
    seen.append(overview.stamp(store))
    deletion.delete(store, [claim.run])
    seen.append(overview.stamp(store))
    assert len(set(seen)) == 3  # empty again at the end
    assert seen[0] == seen[-1] == overview.stamp(store)


def test_runs_of_one_recipe_differ_by_their_seed_alone(store: Store) -> None:
    for knobs in ({"seed": 1}, {"seed": 2}, {"seed": 2, "dropout": 0.5}):
        queue(store, **knobs)
    other, two, one = overview.rows(store)
    assert one.facts.recipe == two.facts.recipe != other.facts.recipe
