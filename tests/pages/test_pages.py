"""Each page in each state of the store, without a browser: no exception, the right words, the right buttons."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from engine import catalog
from engine.config import KNOBS, RunConfig
from engine.config.model import OF_WEIGHTS
from engine.store import records, runs, transitions
from engine.store.connect import Store
from engine.store.keeping import Kept
from engine.store.runs import State
from tests.config.test_config import another
from tests.pages.conftest import add_run, claimed, words

Open = Callable[..., AppTest]


# With the expert knobs, too.
ALL = {"all-knobs": "true"}


def test_before_the_first_run_start_is_what_one_can_do(open_page: Open) -> None:
    page = open_page("playground")
    assert not page.button(key="start").disabled
    assert page.button(key="stop").disabled
    assert "Press Start" in words(page)


def test_before_the_first_run_compare_says_what_to_do(open_page: Open) -> None:
    assert "No runs yet" in words(open_page("compare"))


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("name", ["playground", "compare", "data", "model", "run"])
def test_a_page_shows_a_run_in_any_state(open_page: Open, store: Store, name: str, state: State) -> None:
    number = add_run(store, state)
    page = open_page(name, id=str(number))
    if name == "playground":
        assert page.button(key="stop").disabled == state.ended
    elif name == "run":
        assert any(f"Run {number}:" in each.value for each in page.header)
    elif name == "compare":
        assert list(page.dataframe[0].value["run"]) == [number]
    else:
        assert page.selectbox(key="knob-dataset").value == "digits"


def test_three_finished_runs_stand_in_the_table_and_on_the_playground(open_page: Open, store: Store) -> None:
    for decay in (0.0, 1e-4, 1e-3):
        add_run(store, State.FINISHED, weight_decay=decay)
    table = open_page("compare").dataframe[0].value
    assert list(table["run"]) == [3, 2, 1]
    assert list(table["weight_decay"]) == [1e-3, 1e-4, 0]
    assert "architecture" not in table.columns
    page = open_page("playground", id="3")
    page.button(key="open-2").click().run()
    assert page.query_params["id"] == "2"
    assert page.button(key="open-2").label.startswith("**Run 2**")


def test_a_thousand_runs_are_shown(open_page: Open, store: Store) -> None:
    config = RunConfig().model_dump(mode="json")
    with store.write() as connection:
        row = {
            "name": "many",
            "kind": "train",
            "state": "finished",
            "config": config,
            "config_version": 1,
            "summary": {},
            "created_at": 0.0,
        }
        connection.execute(runs.runs.insert(), [row] * 1000)
    assert len(open_page("compare").dataframe[0].value) == 1000
    assert [button.key for button in open_page("playground").button if str(button.key).startswith("open-")][0] == "open-1000"
    assert any("Run 1000:" in each.value for each in open_page("run", id="1000").header)
    open_page("data")


def test_every_knob_has_a_widget_whose_default_is_the_configs(open_page: Open) -> None:
    page = open_page("playground")
    for name, knob in KNOBS.items():
        assert page.session_state[f"knob-{name}"] == knob.default


def test_a_browser_that_has_lost_the_widgets_begins_with_what_the_form_says(open_page: Open) -> None:
    page = open_page("playground", **{f"knob-{name}": str(another(knob)) for name, knob in KNOBS.items() if name != "architecture"}, **ALL)
    page.run()
    seen = set()
    for widget in (*page.selectbox, *page.select_slider, *page.number_input):
        begins = widget.proto.default if widget.type != "select_slider" else widget.proto.default[0]
        says = page.session_state[widget.key]
        if widget.type != "number_input":
            begins, says = widget.proto.options[int(begins)], widget.format_func(says)
        assert begins == says, widget.key
        seen.add(widget.key)
    assert {f"knob-{name}" for name in KNOBS if catalog.ARCHITECTURES["lenet"].obeys(name)} <= seen
    level = page.segmented_control(key="knob-augmentation")
    assert [level.options[at] for at in level.proto.default] == ["Own"]


def test_a_chosen_folder_that_is_no_more_makes_room_for_the_default(open_page: Open, home: Path) -> None:
    for name in ("cat", "dog"):
        (home / "data" / "pets" / name).mkdir(parents=True)
        Image.new("L", (8, 8)).save(home / "data" / "pets" / name / "1.png")
    page = open_page("playground", **{"knob-dataset": "pets"})
    assert page.session_state["knob-dataset"] == "pets"
    shutil.rmtree(home / "data" / "pets")
    st.cache_data.clear()
    page.run()
    assert not page.exception
    assert page.session_state["knob-dataset"] == "digits"
    assert any("pets" in toast.value for toast in page.toast)
    assert page.query_params["knob-dataset"] == "digits"


def test_the_form_round_trips_into_the_run(open_page: Open, store: Store, listener: int) -> None:
    page = open_page("playground", **ALL)
    page.select_slider(key="knob-weight_decay").set_value(1e-3)
    page.selectbox(key="knob-optimizer").set_value("sgd")
    page.number_input(key="knob-seed").set_value(11)
    page.button(key="start").click().run()
    assert not page.exception
    run = runs.get(store, 1)
    assert (run.knobs["weight_decay"], run.knobs["optimizer"], run.knobs["seed"]) == (1e-3, "sgd", 11)
    assert page.query_params["id"] == "1"
    assert os.read(listener, 10), "the supervisor was not woken"


def test_every_knob_of_the_form_reaches_the_run(open_page: Open, store: Store, listener: int) -> None:
    fitting = {"optimizer": "sgd", "architecture": "resnet18", "resolution": 64, "device": "cpu"}
    wanted = {name: another(knob) for name, knob in KNOBS.items()} | fitting
    others = [name for name in catalog.VARIANTS if name not in catalog.ARCHITECTURES["resnet18"].variants]
    wanted |= {name: KNOBS[name].default for name in others}
    donor = add_run(store, State.QUEUED, **{name: wanted[name] for name in ("architecture", *OF_WEIGHTS)})
    claim = claimed(store, donor)
    transitions.begin(store, claim, {"device": "cpu"})
    records.append(store, claim, records.Batch(checkpoints=[Kept("000000020-1", 20, 1, best=True, bytes=1, sha256="")]))
    transitions.end(store, claim, State.FINISHED)
    store.home.checkpoints(donor).mkdir(parents=True)
    (store.home.checkpoints(donor) / "000000020-1.json").write_text("{}")
    wanted["weights"] = f"run:{donor}"
    page = open_page("playground", **{"knob-architecture": "resnet18", "knob-weights": f"run:{donor}"})
    for name, value in wanted.items():
        page.session_state[f"knob-{name}"] = value
    page.run()
    page.button(key="start").click().run()
    assert not page.toast
    assert runs.get(store, donor + 1).knobs == wanted


def test_weights_are_offered_that_the_forms_network_can_begin_with(open_page: Open, store: Store) -> None:
    for state, architecture, width in (
        (State.FINISHED, "resnet18", 1.0), (State.FINISHED, "lenet", 1.0), (State.RUNNING, "resnet18", 1.0),
        (State.STOPPED, "resnet18", 1.0), (State.FINISHED, "resnet18", 0.5),
    ):  # fmt: skip
        add_run(store, state, architecture=architecture, width=width)
    page = open_page("playground", **{"knob-architecture": "resnet18", "knob-weights": "imagenet"})
    menu = page.selectbox(key="knob-weights")
    assert menu.options == ["Drawn at random", "ImageNet", "Run 4: Digits, LeNet", "Run 1: Digits, LeNet"], "with the runs' names"
    menu.set_value("run:4").run()
    assert page.session_state["knob-weights"] == "run:4"
    page.selectbox(key="knob-architecture").set_value("lenet").run()
    assert page.selectbox(key="knob-weights").options == ["Drawn at random", "Run 2: Digits, LeNet"]
    assert page.session_state["knob-weights"] == "none", "they were of another network"


def test_an_augmentation_level_moves_its_knobs_and_follows_them(open_page: Open) -> None:
    page = open_page("playground", **ALL)
    page.segmented_control(key="knob-augmentation").set_value("medium").run()
    assert page.session_state["knob-rotation"] == 10.0
    assert page.session_state["knob-flip"] == 0.0, "digits must not be mirrored"
    page.selectbox(key="knob-dataset").set_value("cifar10").run()
    assert page.session_state["knob-flip"] == 0.5, "photographs may be"
    page.select_slider(key="knob-rotation").set_value(45.0).run()
    assert page.session_state["knob-augmentation"] == "custom"


def test_a_wrong_combination_is_named_and_starts_nothing(open_page: Open, store: Store) -> None:
    page = open_page("playground")
    page.selectbox(key="knob-architecture").set_value("vgg16").run()
    page.select_slider(key="knob-resolution").set_value(16).run()
    assert page.button(key="start").disabled
    assert "VGG" in page.button(key="start").help
    assert any("VGG" in said.value and "32" in said.value for said in page.markdown)
    assert runs.listing(store) == []


def test_a_variant_that_a_network_does_not_have_is_named_and_starts_nothing(open_page: Open, store: Store) -> None:
    page = open_page("playground", **ALL, **{"knob-architecture": "resnet50", "knob-kernel": "2"})
    assert page.button(key="start").disabled
    assert any("ResNet" in said.value and "VGG" in said.value for said in page.markdown)
    assert runs.listing(store) == []


def test_a_variant_goes_with_the_network_that_has_it(open_page: Open) -> None:
    its_own = {"knob-kernel": 2, "knob-norm_momentum": 0.1}
    page = open_page("playground", **ALL, **{"knob-architecture": "vgg11_bn"} | {name: str(value) for name, value in its_own.items()})
    assert {slider.key: slider.value for slider in page.select_slider if slider.key in its_own} == its_own
    page.selectbox(key="knob-architecture").set_value("convnext_tiny").run()
    assert not [slider for slider in page.select_slider if slider.key in its_own]
    assert {name: page.session_state[name] for name in its_own} == {"knob-kernel": 3, "knob-norm_momentum": 0.0}
    assert not page.button(key="start").disabled


@pytest.mark.parametrize("value", ["../../etc", "NaN", "-1", "9" * 40, "<script>", "１", ""])
def test_a_hostile_run_number_shows_the_empty_playground(open_page: Open, value: str) -> None:
    assert "Press Start" in words(open_page("playground", id=value))


def test_an_unknown_run_is_named(open_page: Open) -> None:
    assert any("77" in toast.value for toast in open_page("playground", id="77").toast)


def test_markup_in_a_reason_is_shown_as_text(open_page: Open, store: Store) -> None:
    number = add_run(store, State.QUEUED)
    reason = {"key": "errors.crashed", "fields": {"type": "Error", "message": "**bold** <b>x</b> [a](javascript:b)"}}
    transitions.end(store, claimed(store, number), State.FAILED, reason)
    shown = words(open_page("playground", id=str(number)))
    assert r"\*\*bold\*\*" in shown
    assert r"\<b\>" in shown
    assert r"\[a\]\(javascript\:b\)" in shown


def test_chinese_is_a_switch_away(open_page: Open) -> None:
    page = open_page("playground", lang="zh")
    assert page.button(key="start").label == "开始"
    assert page.subheader[0].value == "数据"


def test_a_run_started_elsewhere_does_not_move_the_marks(open_page: Open, store: Store) -> None:
    for decay in (0.0, 1e-4, 1e-3):
        add_run(store, State.FINISHED, weight_decay=decay)
    page = open_page("compare")
    assert page.query_params["runs"] == "3,2"
    add_run(store, State.FINISHED, weight_decay=1e-2)
    page.run()
    assert page.query_params["runs"] == "3,2"


@pytest.mark.parametrize("value", ["inf", "-inf", "1e400", "x", "9" * 5000])
def test_an_odd_seed_in_the_address_is_dropped(open_page: Open, value: str) -> None:
    page = open_page("playground", **ALL, **{"knob-seed": value})
    assert page.session_state["knob-seed"] == 0
    assert page.number_input(key="knob-seed")


def test_a_name_stays_on_its_line(open_page: Open, store: Store) -> None:
    add_run(store, State.FINISHED)
    with store.write() as connection:
        connection.execute(runs.sa.update(runs.runs).values(name="Title\n===\n\n    code \u202e turned"))
    shown = open_page("playground", id="1").button(key="open-1").help
    assert shown.startswith("Title ")
    assert not {"\n", "\u202e"} & set(shown)


def test_a_store_that_cannot_be_read_is_told_in_a_sentence(open_page: Open, store: Store) -> None:
    add_run(store, State.FINISHED)
    page = open_page("playground")
    store.home.database.write_bytes(b"this is no database" * 500)
    for beside in store.home.root.glob("athanor.db-*"):
        beside.unlink()
    page.run()
    assert not page.exception


def test_a_link_has_the_words_of_the_command_line_in_every_language(open_page: Open) -> None:
    given = {"knob-train_share": "0.05", "knob-epochs": "33", "knob-optimizer": "sgd", "knob-weight_decay": "1e-3"}
    for language in ("en", "zh"):
        page = open_page("playground", lang=language, **given)
        assert [page.session_state[name] for name in given] == [0.05, 33, "sgd", 1e-3]
        assert page.query_params["knob-optimizer"] == "sgd"
        assert page.query_params["lang"] == language


def test_what_cannot_be_used_of_a_link_is_named(open_page: Open) -> None:
    page = open_page("playground", **{"knob-dropout": "9", "knob-dataset": "/etc", "knob-epochs": "33"})
    assert any("dropout" in toast.value and "dataset" in toast.value for toast in page.toast)
    assert (page.session_state["knob-dropout"], page.session_state["knob-dataset"], page.session_state["knob-epochs"]) == (
        0.2,
        "digits",
        33,
    )


def test_a_link_to_a_run_and_a_click_on_it_show_its_settings(open_page: Open, store: Store) -> None:
    for decay in (1e-4, 1e-3):
        add_run(store, State.FINISHED, weight_decay=decay, epochs=50)
    page = open_page("playground", id="2")
    assert (page.session_state["knob-weight_decay"], page.session_state["knob-epochs"]) == (1e-3, 50)
    page.button(key="open-1").click().run()
    assert page.session_state["knob-weight_decay"] == 1e-4


def test_the_form_and_the_run_are_still_there_after_a_look_at_compare(open_page: Open, store: Store) -> None:
    add_run(store, State.FINISHED)
    page = open_page("playground", id="1")
    page.select_slider(key="knob-dropout").set_value(0.7).run()
    page.switch_page("compare.py").run()
    page.switch_page("playground.py").run()
    assert page.session_state["knob-dropout"] == 0.7
    assert page.query_params["id"] == "1"


def test_the_address_says_what_the_form_says_and_no_more(open_page: Open) -> None:
    page = open_page("playground")
    page.select_slider(key="knob-weight_decay").set_value(1e-3).run()
    assert page.query_params["knob-weight_decay"] == "0.001"
    page.select_slider(key="knob-weight_decay").set_value(0.0).run()
    assert "knob-weight_decay" not in page.query_params
