"""The Compare page in each state of the store: the table, what is chosen in it, what is said of that, what can be done with it."""

from collections.abc import Callable, Sequence

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import TextArea, TextInput

from engine import catalog
from engine.config import CONFIG_VERSION, RunConfig
from engine.store import labels, runs
from engine.store.connect import Store
from engine.store.runs import State
from pages.components.relations import CHOICES, MOST_AXES
from tests.pages.conftest import SHELL, add_run, read, words

Open = Callable[..., AppTest]


def add_finished(store: Store, *accuracies: float, name: str = "Digits, LeNet", **knobs: object) -> list[int]:
    """A finished run for each accuracy, seeds from 0 on."""
    summary = {"seconds": 30.0, "epoch": 3, "verdict": "healthy"}
    row = {"name": name, "kind": "train", "state": "finished", "config_version": CONFIG_VERSION, "created_at": 0.0}
    configs = [RunConfig.from_flat({"seed": seed} | knobs).model_dump(mode="json") for seed in range(len(accuracies))]
    made = zip(configs, accuracies, strict=True)
    rows = [row | {"config": config, "summary": summary | {"val_accuracy": accuracy}} for config, accuracy in made]
    with store.write() as connection:
        return [connection.execute(runs.runs.insert().values(row).returning(runs.runs.c.id)).scalar_one() for row in rows]


def table(page: AppTest) -> dict[str, list[object]]:
    return page.dataframe[0].value.to_dict("list")


def mark(page: AppTest, rows: Sequence[int], key: str = "runs-table-rows") -> AppTest:
    page.session_state[key] = {"selection": {"rows": list(rows), "columns": [], "cells": []}}
    return page.run()


def marked(page: AppTest, key: str = "runs-table-rows") -> list[int]:
    return sorted(page.session_state[key]["selection"]["rows"])


def speaking(page: AppTest, language: str) -> AppTest:
    """The page in another language: its link is opened in English first, for the tests' Playground knows its options by their words."""
    page.session_state["lang"] = language
    page.run()
    assert not page.exception, page.exception
    return page


def button(page: AppTest, key: str) -> list[str]:
    return [each.label for each in page.button if each.key == key]


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("grouped", ["true", "false"])
@pytest.mark.parametrize("state", [State.QUEUED, State.RUNNING, State.PAUSED, State.FAILED, State.FINISHED])
def test_the_page_shows_runs_in_any_state(open_page: Open, store: Store, state: State, grouped: str, language: str) -> None:
    for dropout in (0.1, 0.2):
        add_run(store, state, dropout=dropout)
    page = speaking(open_page("compare", **{"by-recipe": grouped}), language)
    assert len(page.dataframe[0].value) == 2
    if state is not State.FINISHED:
        said = "Not both have a finished run yet." if language == "en" else "还不是双方都有完成的运行。"
        assert said in read(page)


def test_the_first_run_is_told_what_comes_next(open_page: Open, store: Store) -> None:
    add_finished(store, 0.9)
    assert "One run so far." in read(open_page("compare"))


def test_one_run_each_is_no_evidence(open_page: Open, store: Store) -> None:
    add_finished(store, 0.9, dropout=0.1)
    add_finished(store, 0.8, dropout=0.5)
    page = open_page("compare")
    said = read(page)
    assert "Dropout 0.1 reached 90.0" in said
    assert "One run each is no evidence either way" in said
    assert button(page, "queue-seeds") == ["Start 2 more seeds"]
    assert "4 runs, about 2:00" in said


def test_augmentation_is_named_by_its_level(open_page: Open, store: Store) -> None:
    add_finished(store, 0.9, 0.88)
    add_finished(store, 0.8, 0.79, **catalog.strengths("medium", "digits"))
    assert "Augmentation off is better than Augmentation medium by" in read(open_page("compare", **{"by-recipe": "true"}))
    add_finished(store, 0.7, 0.69, crop=0.3, rotation=3)
    assert "Random crop" in read(open_page("compare", **{"by-recipe": "true", "runs": "3,5"})), "what is no level is told knob by knob"


def test_recipes_are_compared_seed_by_seed(open_page: Open, store: Store) -> None:
    add_finished(store, 0.90, 0.88, 0.92, dropout=0.1)
    add_finished(store, 0.80, 0.79, 0.83, dropout=0.5)
    page = open_page("compare", **{"by-recipe": "true"})
    assert "Dropout 0.1 is better than Dropout 0.5 by 9.3 points (95 % interval 7.9 to 11, 3 paired seeds)." in read(page)
    assert not button(page, "queue-seeds")
    shown = table(page)
    assert [shown[name] for name in ("seeds", "interval", "standing")] == [[3, 3], ["± 5.0", "± 5.2"], ["best", "worse"]]
    assert "seed" not in shown


def test_what_is_too_close_says_so_and_queues_the_missing_seeds_once(open_page: Open, store: Store) -> None:
    add_finished(store, 0.90, 0.86, 0.89, dropout=0.1)
    add_finished(store, 0.89, 0.865, dropout=0.5)
    page = open_page("compare", **{"by-recipe": "true", "runs": "1,4"})
    said = read(page)
    assert "No evidence of a difference between Dropout 0.1 and Dropout 0.5; with n = 2 we could have seen 12 points." in said
    assert "points ahead (95 % interval −9.3 to 9.8, 2 paired seeds)." in said
    assert "seeds each" in said
    page.button(key="queue-seeds").click().run()
    assert not page.warning
    queued = runs.listing(store, [State.QUEUED])
    assert {(run.knobs["dropout"], run.knobs["seed"]) for run in queued} >= {(0.5, 2)}
    assert not button(page, "queue-seeds"), "what is under way already is not offered again"
    assert table(page)["open"]


SIX = (0.90, 0.91, 0.92, 0.93, 0.94, 0.95)


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        (SIX, (0.89, 0.905, 0.90, 0.92, 0.93, 0.92), "6 paired seeds, sign-flip p = 0.031)."),
        (SIX, SIX, "Dropout 0.5 and Dropout 0.1 are equal to the last digit."),
        ((0.90, 0.87), (0.87, 0.90), "Their means are the same (95 % interval −38 to 38, 2 paired seeds)."),
        ((0.9, 0.7), (0.6, 0.85), "Dropout 0.1 and Dropout 0.5; n = 2 is too few to see any."),
        ((0.91, 0.92), (0.90, 0.91), "Dropout 0.1 came out 1.0 points ahead with every seed alike; from 6 seeds on that would count."),
    ],
)
def test_each_kind_of_evidence_has_its_words(open_page: Open, store: Store, one: tuple, other: tuple, words: str) -> None:
    add_finished(store, *one, dropout=0.1)
    add_finished(store, *other, dropout=0.5)
    page = open_page("compare", **{"by-recipe": "true"})
    assert words in read(page)
    assert not speaking(page, "zh").exception


def test_without_equal_seeds_both_counts_are_told(open_page: Open, store: Store) -> None:
    add_finished(store, 0.90, 0.88, 0.92, dropout=0.1)
    for seed, accuracy in ((7, 0.89), (8, 0.885)):
        add_finished(store, accuracy, dropout=0.5, seed=seed)
    page = open_page("compare", **{"by-recipe": "true"})
    said = read(page)
    assert "; with n = 3 and 2 we could have seen" in said
    assert ", 3 and 2 unpaired seeds)." in said
    assert not speaking(page, "zh").exception


def test_unlike_pictures_are_not_compared(open_page: Open, store: Store) -> None:
    add_finished(store, 0.9, 0.8, dropout=0.1)
    add_finished(store, 0.7, 0.6, validation_share=0.3)
    assert "different validation pictures" in read(open_page("compare", **{"by-recipe": "true"}))


def test_many_are_held_against_the_best_of_them(open_page: Open, store: Store) -> None:
    for place, dropout in enumerate((0.1, 0.3, 0.5)):
        add_finished(store, *(0.9 - place / 10 + seed / 1000 * (place + 1) for seed in range(3)), dropout=dropout)
    page = open_page("compare", **{"by-recipe": "true", "runs": "1,4,7"})
    assert "Dropout 0.1 has the highest mean of 3." in read(page)
    assert "Worse: 2" in read(page)


def test_the_choice_outlives_search_filter_grouping_and_new_runs(open_page: Open, store: Store) -> None:
    for dropout in (0.1, 0.2, 0.3, 0.5):
        add_finished(store, 0.9, dropout=dropout)
    page = mark(open_page("compare"), [0, 2])
    assert page.query_params["runs"] == "4,2"
    page.text_input(key="search").set_value("dropout=0.2").run()
    assert (table(page)["run"], marked(page)) == ([2], [0])
    mark(page, [])
    assert page.query_params["runs"] == "4"
    page.text_input(key="search").set_value("").run()
    assert marked(page) == [0]
    page.multiselect(key="filter-state").set_value(["finished"]).run()
    add_finished(store, 0.8, dropout=0.7)
    page.run()
    assert (table(page)["run"], marked(page)) == ([5, 4, 3, 2, 1], [1])
    page.toggle(key="by-recipe").set_value(True).run()
    assert page.query_params["runs"] == "4"
    assert len(marked(page, "recipes-table-rows")) == 1


def test_a_link_brings_back_what_was_chosen_searched_and_drawn(open_page: Open, store: Store) -> None:
    for dropout in (0.1, 0.2, 0.3):
        add_finished(store, 0.9, dropout=dropout)
    given = {"runs": "1,3", "search": "digits", "filter-state": "finished", "picture": "scatter", "across": "dropout", "columns": "loss"}
    page = open_page("compare", **given)
    assert marked(page) == [0, 2]
    assert "loss" in table(page)
    assert {name: page.query_params[name] for name in ("runs", "picture", "columns")} == {
        "runs": "1,3", "picture": "scatter", "columns": "loss",
    }  # fmt: skip
    assert page.get("plotly_chart")


@pytest.mark.parametrize("picture", ["scatter", "parallel"])
def test_runs_stand_along_axes(open_page: Open, store: Store, picture: str) -> None:
    for dropout in (0.1, 0.2, 0.3):
        add_finished(store, 0.9, dropout=dropout, weight_decay=0.0 if dropout == 0.1 else 1e-3)
    assert open_page("compare", picture=picture).get("plotly_chart")


def test_nothing_found_is_a_press_away_from_everything(open_page: Open, store: Store) -> None:
    add_finished(store, 0.9, 0.8)
    page = open_page("compare", runs="1,2")
    page.text_input(key="search").set_value("no such run").run()
    assert "No run matches." in read(page)
    assert page.query_params["runs"] == "1,2"
    page.button(key="clear-search").click().run()
    assert (table(page)["run"], marked(page)) == ([2, 1], [0, 1])


def test_markup_in_names_and_tags_is_text(open_page: Open, store: Store) -> None:
    add_finished(store, 0.9, name="**one** <b>", dropout=0.1)
    add_finished(store, 0.8, name="[two](x)", dropout=0.5)
    labels.tag(store, [1], "*tag*")
    page = open_page("compare")
    assert r"\*\*one\*\* \<b\>" in words(page)
    assert r"\[two\]\(x\)" in words(page)
    assert table(page)["name"] == ["[two](x)", "**one** <b>"]
    assert any(r"\*tag\*" in each.label for each in page.button)


def test_runs_are_tagged_named_and_noted(open_page: Open, store: Store) -> None:
    add_finished(store, 0.9, 0.8)
    page = open_page("compare", runs="1,2")
    page.text_input(key="new-tag").set_value("thesis")
    page.button(key="add-tag").click().run()
    assert labels.tags_of(store) == {1: ("thesis",), 2: ("thesis",)}
    field(page, "new-name").set_value("baseline")
    field(page, "new-note").set_value("for *the* thesis")
    page.button(key="save-name").click().run()
    assert {(run.name, run.note) for run in runs.listing(store)} == {("baseline", "for *the* thesis")}
    page.button(key="untag-thesis").click().run()
    assert labels.tags_of(store) == {}
    page.button(key="add-tag").click().run()
    assert any("visible character" in toast.value for toast in page.toast)


def field(page: AppTest, what: str) -> TextInput | TextArea:
    """Where a name or a note is written."""
    return next(each for each in (*page.text_input, *page.text_area) if str(each.key).startswith(what))


def test_a_new_name_leaves_the_notes_of_several_runs_alone(open_page: Open, store: Store) -> None:
    add_finished(store, 0.9, 0.8)
    labels.set_note(store, 1, "first")
    page = open_page("compare", runs="1,2")
    field(page, "new-name").set_value("baseline")
    page.button(key="save-name").click().run()
    assert {(run.name, run.note) for run in runs.listing(store)} == {("baseline", "first"), ("baseline", None)}


def test_what_was_written_for_some_runs_does_not_stand_there_for_others(open_page: Open, store: Store) -> None:
    add_finished(store, 0.9, 0.8, 0.7)
    labels.rename(store, 3, "other")
    page = open_page("compare", runs="1,2")
    assert field(page, "new-name").value
    mark(page, [0, 2])
    assert page.query_params["runs"] == "1,3"
    assert field(page, "new-name").value == ""


def test_a_tag_that_is_refused_stays_to_be_mended(open_page: Open, store: Store) -> None:
    add_finished(store, 0.9)
    for place in range(labels.TAGS):
        labels.tag(store, [1], f"tag {place}")
    page = open_page("compare", runs="1")
    page.text_input(key="new-tag").set_value("one more")
    page.button(key="add-tag").click().run()
    assert page.toast
    assert page.text_input(key="new-tag").value == "one more"


def test_a_link_with_too_many_axes_shows_as_many_as_there_may_be(store: Store, listener: int) -> None:
    add_finished(store, 0.9, 0.8)
    page = AppTest.from_file(SHELL, default_timeout=20)
    page.query_params["picture"] = "parallel"
    page.query_params["axes"] = list(CHOICES)
    page.run()
    page.switch_page("compare.py").run()
    assert not page.error
    assert page.multiselect(key="axes").value == list(CHOICES[:MOST_AXES])


def test_deleting_asks_first_and_refuses_what_has_not_ended(open_page: Open, store: Store) -> None:
    add_finished(store, 0.9, 0.8)
    page = open_page("compare", runs="1")
    page.button(key="delete").click().run()
    assert "run 1" in read(page)
    assert len(runs.listing(store)) == 2
    page.button(key="delete-yes").click().run()
    assert [run.id for run in runs.listing(store)] == [2]
    page.run()
    assert "runs" not in page.query_params
    number = add_run(store, State.QUEUED)
    page = open_page("compare", runs=str(number))
    page.button(key="delete").click().run()
    assert not button(page, "delete-yes")
    assert page.warning


def test_a_thousand_runs_are_grouped_and_drawn(open_page: Open, store: Store) -> None:
    config = [RunConfig.from_flat({"seed": seed % 5, "epochs": 1 + seed // 5}).model_dump(mode="json") for seed in range(1000)]
    row = {"name": "many", "kind": "train", "state": "finished", "config_version": CONFIG_VERSION, "created_at": 0.0}
    with store.write() as connection:
        connection.execute(
            runs.runs.insert(), [row | {"config": each, "summary": {"val_accuracy": 0.5 + at / 3e3}} for at, each in enumerate(config)]
        )
    page = open_page("compare", **{"by-recipe": "true", "picture": "parallel", "runs": ",".join(map(str, range(1, 301)))})
    assert len(page.dataframe[0].value) == 200
    assert len(marked(page, "recipes-table-rows")) == 60


def test_two_runs_of_the_same_seed_are_no_play_of_chance(open_page: Open, store: Store) -> None:
    for _ in range(2):
        add_finished(store, 0.9)
    assert "the same configuration, seed included" in read(open_page("compare", runs="1,2"))
