"""The Model page without a servant, with its answers, with a network that cannot be built, with no runs and with several."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engine import catalog, strings
from engine.config import CONFIG_VERSION, RunConfig
from engine.jobs import asking
from engine.store import requests, runs
from engine.store.connect import Store
from pages.components import model_charts
from tests.pages.conftest import read, words

Open = Callable[..., AppTest]
CONV = {
    "number": 1, "name": "features.0", "kind": "conv", "kernel": 5, "stride": 1, "shape": [6, 28, 28], "parameters": 156,
    "flops": 235_200, "field": 5,
}  # fmt: skip
POOL = CONV | {"number": None, "kind": "max_pool", "kernel": 2, "stride": 2, "shape": [6, 14, 14], "parameters": 0, "flops": 0, "field": 6}
COLUMNS = ["#", "Layer", "Name", "Output", "Parameters", "FLOPs", "Field"]
NUMERICS = {"device": "cpu", "threads": 2, "replicas": 1, "deterministic": False}


def serve(store: Store, **instead: Mapping[str, Any]) -> list[str]:
    """Answer what is asked of networks, larger ones with more; which were asked about."""
    asked = []
    while (question := requests.take(store)) is not None:
        if question.kind != "layers":
            continue
        name = question.payload["config"]["architecture"]
        asked.append(name)
        size = 10 ** list(catalog.ARCHITECTURES).index(name)
        if name in instead:
            requests.fail(store, question.key, instead[name])
        else:
            told = {"architecture": name, "parameters": 100 * size, "flops": 2000 * size, "layers": [CONV, POOL]}
            requests.finish(store, question.key, told)
    return asked


def served(page: AppTest, store: Store, **instead: Mapping[str, Any]) -> AppTest:
    for _ in range(2):
        serve(store, **instead)
        page.run()
        assert not page.exception, page.exception
    return page


def add_measured(store: Store, architecture: str, accuracy: float | None, speed: float | None, **numerics: object) -> int:
    """A finished run that has measured this."""
    config = RunConfig.from_flat({"architecture": architecture, "resolution": 32}).model_dump(mode="json")
    summary = {name: value for name, value in (("val_accuracy", accuracy), ("images_per_second", speed)) if value is not None}
    row = {
        "name": "Digits", "kind": "train", "state": "finished", "config_version": CONFIG_VERSION, "created_at": 0.0, "config": config,
        "summary": summary, "numerics": NUMERICS | numerics,
    }  # fmt: skip
    with store.write() as connection:
        return connection.execute(runs.runs.insert().values(row).returning(runs.runs.c.id)).scalar_one()


def charts(page: AppTest) -> list[Any]:
    return [*page.get("vega_lite_chart"), *page.get("arrow_vega_lite_chart")]


def test_an_empty_store_teaches_and_the_networks_are_asked_about(open_page: Open, store: Store) -> None:
    page = open_page("model")
    said = read(page)
    assert "No finished run on Digits yet" in said
    assert "Taking the networks apart" in said or "Starting the engine" in said
    assert not charts(page)
    assert sorted(serve(store)) == ["lenet", "vgg11"], "one question must not withdraw the other"


def test_two_networks_stand_side_by_side_and_are_compared(open_page: Open, store: Store) -> None:
    page = served(open_page("model", beside="vgg13"), store)
    assert "**VGG-13** beside **LeNet**: **100 ×** the parameters (10,000 to 100) and **100 ×** the FLOPs" in read(page)
    assert "**LeNet**: 1 numbered layers, 100 parameters, 2\u00a0kFLOP a picture" in read(page)
    tables = [table.value for table in page.dataframe]
    assert len(tables) == 2
    assert tables[0].to_numpy().tolist() == [
        ["1", "Conv 5 × 5", "features.0", "6 × 28 × 28", "156", "235\u00a0k", "5"],
        ["", "Max pool 2 × 2", "features.0", "6 × 14 × 14", "", "", "6"],
    ]
    assert page.query_params["beside"] == "vgg13"
    assert serve(store) == [], "what is known is not asked again"
    page.selectbox(key="beside").set_value("lenet").run()
    assert "Both are the same network." in read(served(page, store))


def test_the_other_network_has_of_the_forms_variants_those_that_it_obeys(open_page: Open, store: Store) -> None:
    form = {"architecture": "vgg11_bn", "resolution": "32", "width": "0.5", "kernel": "1", "plan": "last", "last_layers": "11"}
    open_page("model", beside="lenet", **{f"knob-{name}": value for name, value in form.items()})
    asked = {}
    while (question := requests.take(store)) is not None:
        if question.kind == "layers":
            asked[question.payload["config"]["architecture"]] = question.payload["config"]
    assert (asked["vgg11_bn"]["kernel"], asked["vgg11_bn"]["width"]) == (1, 0.5)
    assert (asked["lenet"]["kernel"], asked["lenet"]["width"]) == (3, 0.5)
    assert RunConfig.from_flat(asked["lenet"])


def test_a_network_that_does_not_fit_says_so_beside_the_one_that_does(open_page: Open, store: Store) -> None:
    reason = {"key": "errors.no_such_run", "fields": {"run": 7}}
    page = served(open_page("model"), store, vgg11=reason)
    assert "There is no run 7" in page.warning[0].value.replace("\\", "")
    assert len(page.dataframe) == 1
    assert "beside" not in read(page)


def test_runs_are_drawn_by_how_they_were_computed_and_the_others_counted(open_page: Open, store: Store) -> None:
    fast, slow = add_measured(store, "lenet", 0.9, 9000.0), add_measured(store, "resnet18", 0.97, 120.0)
    add_measured(store, "vgg11", 0.85, 100.0)
    add_measured(store, "lenet", 0.9, 500.0, deterministic=True)
    add_measured(store, "lenet", 0.9, None)
    page = open_page("model")
    said = read(page)
    assert len(charts(page)) == 1
    assert "Runs drawn: 3" in said
    assert "Computed otherwise and not drawn: 1; speeds" in said
    assert "or timed on their last layers alone, and not drawn: 1." in said
    links = [link.proto.label.replace("\\", "") for link in page.get("page_link")]
    assert links == [f"Run {slow} · 97.0\u00a0% · 120/s · ResNet-18", f"Run {fast} · 90.0\u00a0% · 9,000/s · LeNet"]
    page.selectbox(key="measured-how").set_value("cpu-2-exact").run()
    assert page.query_params["measured-how"] == "cpu-2-exact"
    assert "Runs drawn: 1" in read(page)


@pytest.mark.slow
@pytest.mark.parametrize("query", [{"measured-on": "nowhere"}, {"measured-how": "abacus"}, {"beside": "../x"}])
def test_the_address_may_say_anything(open_page: Open, store: Store, query: dict[str, str]) -> None:
    add_measured(store, "lenet", 0.9, 9000.0)
    assert len(charts(served(open_page("model", **query), store))) == 1


def test_it_speaks_chinese(open_page: Open) -> None:
    assert strings.say("model.title", "zh") in words(open_page("model", lang="zh"))


def test_the_runs_are_those_of_the_forms_dataset_until_another_is_chosen(open_page: Open, store: Store) -> None:
    add_measured(store, "lenet", 0.9, 9000.0)
    page = open_page("model", **{"knob-dataset": "plumage"})
    assert "No finished run on Plumage yet" in read(page)
    page.selectbox(key="measured-on").set_value("digits").run()
    assert page.query_params["measured-on"] == "digits"
    assert len(charts(page)) == 1


def test_a_dot_knows_its_run_and_architectures_have_a_colour_and_a_shape() -> None:
    from engine.studies.tradeoff import Measurement
    from tests.studies.test_tradeoff import CPU, run

    found = [Measurement(run(7, CPU), 1234.5, 0.912)]
    (dot,) = model_charts.dots(found, "Run {}".format)
    assert dot == {
        "run": "Run 7", "name": "a run", "href": "run?id=7", "architecture": "LeNet", "speed": 1234.5, "accuracy": 0.912,
        "accuracy_words": "91.2\u00a0%", "resolution": "32\u00a0px", "batch": found[0].run.knobs["batch_size"],
    }  # fmt: skip
    many = [dot | {"architecture": f"net {place}"} for place in range(9)]
    words = dict.fromkeys(("across", "up", "run", "name", "architecture", "resolution", "batch"), "word")
    encoding = model_charts.tradeoff_figure(many, words, ["#111111", "#222222"], 300).to_dict()["encoding"]
    assert encoding["color"]["scale"]["domain"] == encoding["shape"]["scale"]["domain"] == [f"net {place}" for place in range(9)]
    assert len(encoding["color"]["scale"]["range"]) == 9


def test_a_question_about_layers_does_not_depend_on_how_the_network_is_trained(store: Store, listener: int) -> None:
    keys = {asking.ask(store, "layers", {"config": {"learning_rate": rate, "dropout": rate}}) for rate in (0.1, 0.2)}
    assert len(keys) == 1
