"""What is prescribed on the card of a run: buttons that queue the next run, and what came of those that were pressed."""

from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engine import strings
from engine.config import CONFIG_VERSION, RunConfig
from engine.jobs import memory
from engine.store import advice, attempts, records, runs, transitions
from engine.store.connect import Store
from engine.store.records import Batch, Event, Metric
from engine.store.runs import Advice, New, State
from tests.pages.conftest import add_run, claimed, read, train
from tests.pages.test_states import bright, buttons
from tests.prescribed import told

Open = Callable[..., AppTest]
TRIED = Advice("overfitting", "augment_more")


def judged(store: Store, name: str, state: State = State.FINISHED, change: Callable[[dict[str, Any]], object] = bool, **knobs: Any) -> int:
    """A run of which this was said last; `change` alters what is stored of it."""
    number = add_run(store, State.RUNNING, **knobs)
    found = attempts.current(store, number)
    assert found is not None
    event = told(name, RunConfig.from_flat(knobs), 11)
    change(event.data)
    curves = [Metric(11 + epoch, "probe_loss", 20 * epoch, epoch, 1 / epoch, 0.0) for epoch in (1, 2, 3)]
    records.append(store, found.claim, Batch(curves, [event]))
    if state is not State.RUNNING:
        transitions.end(store, found.claim, state, reason(store, number, state))
    return number


def reason(store: Store, number: int, state: State) -> dict[str, Any]:
    return (
        memory.ran_out(runs.get(store, number), "no more memory")
        if state is State.OUT_OF_MEMORY
        else {"key": "errors.stopped", "fields": {}}
    )


def finish(store: Store, number: int, accuracy: float) -> None:
    """A queued run, to its end."""
    claim = claimed(store, number)
    train(store, claim)
    records.append(store, claim, Batch(summary=runs.get(store, number).summary | {"val_accuracy": accuracy}))
    transitions.end(store, claim, State.FINISHED)


def remedies(page: AppTest) -> list[str]:
    return [str(button.key).removeprefix("try-") for button in page.button if str(button.key).startswith("try-")]


def charts(page: AppTest) -> list[str]:
    """The pictures of the evidence."""
    helps = {each.help for each in page.markdown}
    found = [name for name in ("rise", "gap", "paired", "calibration") if strings.say(f"run.verdict.trace.{name}_help") in helps]
    assert len(page.get("vega_lite_chart")) == len(found)
    return found


def links(page: AppTest) -> dict[str, str]:
    """What the links of the card say, and where they lead."""
    return {link.proto.label: link.proto.page for link in page.get("page_link") if link.proto.page == "data"}


def test_an_overfitting_run_is_a_press_away_from_what_may_help(open_page: Open, store: Store) -> None:
    page = open_page("playground", id=str(judged(store, "overfitting")))
    assert remedies(page) == ["smooth_labels", "augment_more", "drop_more"], "three at once, best first"
    assert bright(page) == ["try-smooth_labels"], "the first is the one bright button, Start is not"
    assert [page.button(key=f"try-{name}").label.replace("\\", "") for name in remedies(page)] == [
        "Label smoothing: 0.1", "Augmentation: Light", "Dropout: 0.4",
    ]  # fmt: skip
    assert "Varied pictures are harder to learn by heart." in page.button(key="try-augment_more").help
    assert "Rotation 0\u00a0° → 5\u00a0°" in page.button(key="try-augment_more").help.replace("\\", "")
    assert read(page).count("rule of thumb") == 3
    assert "about 0:28" in read(page), "4.2 s for 3 of 20 epochs"


def test_a_press_queues_a_child_with_that_change_and_shows_it(open_page: Open, store: Store) -> None:
    number = judged(store, "overfitting", seed=7)
    page = open_page("playground", id=str(number))
    page.button(key="try-drop_more").click().run()
    assert not page.exception and not page.toast
    assert page.query_params["id"] == "2"
    child = runs.get(store, 2)
    assert (child.state, child.knobs) == (State.QUEUED, runs.get(store, number).knobs | {"dropout": 0.4})
    assert page.session_state["knob-dropout"] == 0.4
    assert [(each.run, each.parent, each.verdict, each.prescription) for each in advice.followed(store)] == [
        (2, 1, "overfitting", "drop_more")
    ]


def test_pressed_again_it_shows_the_same_child(open_page: Open, store: Store) -> None:
    number = judged(store, "overfitting")
    for _ in range(2):
        page = open_page("playground", id=str(number))
        page.button(key="try-augment_more").click().run()
        assert page.query_params["id"] == "2"
    assert len(runs.listing(store)) == 2


def test_a_run_under_way_has_its_prescriptions_but_no_bright_one(open_page: Open, store: Store) -> None:
    page = open_page("playground", id=str(judged(store, "overfitting", State.RUNNING)))
    assert remedies(page) == ["smooth_labels", "augment_more", "drop_more"]
    assert bright(page) == ["start"]


@pytest.mark.parametrize("name", ["healthy", "watch"])
def test_where_nothing_is_prescribed_there_is_no_button(open_page: Open, store: Store, name: str) -> None:
    page = open_page("playground", id=str(judged(store, name)))
    assert (remedies(page), bright(page), links(page)) == ([], ["start"], {})


def test_who_memorises_is_led_to_the_data(open_page: Open, store: Store) -> None:
    page = open_page("playground", id=str(judged(store, "memorising")))
    assert links(page) == {"Look at the data": "data"}
    assert "Wrong labels and leaks are found by looking." in read(page)
    assert (remedies(page), bright(page)) == ([], ["start"])


def test_what_is_to_be_looked_at_leaves_the_first_button_bright(open_page: Open, store: Store) -> None:
    page = open_page("playground", id=str(judged(store, "data_suspect")))
    assert (list(links(page)), remedies(page), bright(page)) == (["Look at the data"], ["part_twins"], ["try-part_twins"])


def test_of_a_run_that_ran_out_of_memory_less_memory_is_the_bright_way(open_page: Open, store: Store) -> None:
    page = open_page("playground", id=str(judged(store, "overfitting", State.OUT_OF_MEMORY)))
    assert {"batch_size", "augment_more"} < set(remedies(page))
    assert bright(page) == ["try-batch_size"]


@pytest.mark.slow
@pytest.mark.parametrize("state", [State.STOPPED, State.FAILED, State.DIVERGED, State.LOST, State.OUT_OF_MEMORY, State.FINISHED])
@pytest.mark.parametrize("name", ["overfitting", "memorising", "data_suspect", "diverged", "healthy"])
def test_an_ended_run_has_one_bright_button(open_page: Open, store: Store, name: str, state: State) -> None:
    assert len(bright(open_page("playground", id=str(judged(store, name, state))))) == 1


def test_a_diverged_run_is_a_press_away_from_a_tamer_one(open_page: Open, store: Store) -> None:
    page = open_page("playground", id=str(judged(store, "diverged", State.DIVERGED, learning_rate=0.3)))
    assert (remedies(page), bright(page)) == (["tame"], ["try-tame"])
    page.button(key="try-tame").click().run()
    knobs = runs.get(store, 2).knobs
    assert (knobs["learning_rate"], knobs["warmup"], knobs["clip"]) == (0.03, 2.0, 1.0)


def test_the_card_of_a_child_says_what_it_tries_and_then_what_came_of_it(open_page: Open, store: Store) -> None:
    page = open_page("playground", id=str(judged(store, "overfitting")))
    page.button(key="try-augment_more").click().run()
    claim = claimed(store, 2)
    train(store, claim)
    records.append(store, claim, Batch(events=[told("healthy", RunConfig(), 11)]))
    assert "Tries “More augmentation” of run 1." in read(open_page("playground", id="2"))
    records.append(store, claim, Batch(summary=runs.get(store, 2).summary | {"val_accuracy": 0.952}))
    transitions.end(store, claim, State.FINISHED)
    after = open_page("playground", id="2")
    assert "“More augmentation”, prescribed for run 1: validation accuracy +4.0 points (one pair says little)." in read(after)
    assert "prescribed for run" not in read(open_page("playground", id="1"))
    assert "helped 1 of 1" in read(open_page("playground", id="1"))


def test_from_five_pairs_on_the_effect_is_measured(open_page: Open, store: Store) -> None:
    page = open_page("playground", id=str(judged(store, "overfitting")))
    for k in range(5):
        config = RunConfig.from_flat({"seed": k}).model_dump(mode="json")
        child = runs.create(store, New("a child", config, CONFIG_VERSION, parent=1, advice=TRIED))
        finish(store, child, 0.922 + 0.01 * k)
    shown = read(page.run())
    assert "+3.0 points (+1.0 to +5.0)" in shown
    assert "helped 5 of 5; about 0:28" in shown
    assert shown.count("rule of thumb") == 2


def test_the_verdict_of_a_run_page_has_the_buttons_and_a_press_shows_the_child(open_page: Open, store: Store) -> None:
    page = open_page("run", id=str(judged(store, "overfitting")), tab="verdict")
    assert (remedies(page), bright(page)) == (["smooth_labels", "augment_more", "drop_more"], ["try-smooth_labels"])
    page.button(key="try-augment_more").click().run()
    assert not page.exception
    assert page.query_params["id"] == "2"
    assert page.header[0].value.startswith("Run 2: ")


def test_in_chinese(open_page: Open, store: Store) -> None:
    page = open_page("playground", id=str(judged(store, "overfitting")), lang="zh")
    assert page.button(key="try-augment_more").help.startswith(f"**{strings.say('verdict.try.augment_more.label', 'zh')}**")
    assert strings.say("verdict.effect.rule_of_thumb", "zh") in read(page)


OF_A_NEWER_ATHANOR: dict[str, Callable[[dict[str, Any]], object]] = {
    "an unknown remedy": lambda data: data["prescriptions"].insert(
        0, {"name": "transmute", "changes": {"dropout": [0.2, 0.3]}, "cost": 1.0}
    ),
    "an unknown knob": lambda data: data["prescriptions"].insert(0, {"name": "tame", "changes": {"sorcery": [0, 1]}, "cost": 1.0}),
}


@pytest.mark.parametrize("change", OF_A_NEWER_ATHANOR.values(), ids=OF_A_NEWER_ATHANOR.keys())
@pytest.mark.parametrize("name", ["playground", "run"])
def test_what_there_are_no_words_for_is_left_out(
    open_page: Open, store: Store, name: str, change: Callable[[dict[str, Any]], object]
) -> None:
    page = open_page(name, id=str(judged(store, "overfitting", change=change)), tab="verdict")
    assert not page.error
    assert (remedies(page), bright(page)) == (["smooth_labels", "augment_more", "drop_more"], ["try-smooth_labels"])


def test_where_only_words_are_missing_start_is_bright(open_page: Open, store: Store) -> None:
    only = [{"name": "transmute", "changes": {"dropout": [0.2, 0.3]}, "cost": 1.0}]
    page = open_page("playground", id=str(judged(store, "overfitting", change=lambda data: data.update(prescriptions=only))))
    assert (remedies(page), bright(page)) == ([], ["start"])


GARBAGE: dict[str, Callable[[dict[str, Any]], object]] = {
    "nothing": lambda data: data.clear(),
    "a name without words": lambda data: data.update(name="cursed"),
    "no evidence": lambda data: data.update(evidence=None),
    "prescriptions that are none": lambda data: data.update(prescriptions=[5]),
    "more than there is": lambda data: data.update(more=1),
}


@pytest.mark.slow
@pytest.mark.parametrize("change", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_for_a_verdict_is_a_sentence_and_the_rest_of_the_page_goes_on(
    open_page: Open, store: Store, change: Callable[[dict[str, Any]], object]
) -> None:
    number = judged(store, "overfitting", change=change)
    page = open_page("playground", id=str(number))
    assert [error.value for error in page.error] == [strings.say("errors.foreign_verdict", run=number)]
    assert buttons(page)["start"] == "Start"
    page.button(key="start").click().run()
    assert runs.get(store, 2).state is State.QUEUED
    assert open_page("run", id=str(number), tab="verdict").header[0].value.startswith("Run 1: ")


def test_what_a_rewind_has_taken_back_is_not_offered(open_page: Open, store: Store) -> None:
    number = judged(store, "overfitting", State.RUNNING)
    found = attempts.current(store, number)
    assert found is not None
    records.append(store, found.claim, Batch(events=[Event(20, records.REWIND, 0, 0, {}, 0.0)]))
    transitions.end(store, found.claim, State.STOPPED, {"key": "errors.stopped", "fields": {}})
    page = open_page("playground", id=str(number))
    assert (remedies(page), bright(page)) == ([], ["start"])
    assert strings.say("ui.card.none") in read(page)


def test_the_evidence_is_drawn_over_the_epochs(open_page: Open, store: Store) -> None:
    page = open_page("run", id=str(judged(store, "overfitting")), tab="verdict")
    assert not page.error
    assert strings.say("run.verdict.evidence") in read(page)
    assert strings.say("run.verdict.trace.rise") in read(page)
    assert charts(page) == ["rise"]


def test_without_curves_no_evidence_is_drawn(open_page: Open, store: Store) -> None:
    add_run(store, State.FINISHED)
    page = open_page("run", id="1", tab="verdict")
    assert strings.say("run.verdict.evidence") not in read(page)
    assert charts(page) == []


def test_what_else_is_to_be_known_stands_on_the_page_of_the_run_and_behind_the_caption_of_the_card(open_page: Open, store: Store) -> None:
    note = strings.say("verdict.note.noisy_labels")
    number = judged(store, "overfitting", change=lambda data: data["modifiers"].append("noisy_labels"))
    assert note in read(open_page("run", id=str(number), tab="verdict"))
    page = open_page("playground", id=str(number))
    assert note not in read(page)
    assert note in {each.help for each in page.caption}
