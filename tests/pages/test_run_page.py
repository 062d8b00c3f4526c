"""The page of one run in each state of the store and each tab, and whatever the address or the run's folder holds."""

import os
import time
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from engine import strings
from engine.jobs import asking
from engine.store import attempts, deletion, keeping, records, requests, runs, transitions
from engine.store.connect import Store
from engine.store.first_batch import Facts, FirstBatch, write
from engine.store.runs import State, TestResult
from pages.components import run_samples
from tests.pages.conftest import SHELL, add_run, claimed, crash, read, train, words

Open = Callable[..., AppTest]
TABS = ("curves", "verdict", "samples", "config", "log", "files")


def checkpoint(store: Store, number: int) -> None:
    """As its worker would have named one."""
    claim = runs.Claim(number, 1, "")
    with store.write() as connection:
        keeping.keep(connection, claim, [keeping.Kept("000000040-1", 40, 2, True, 1_000_000, "0" * 64)])


def asked(store: Store) -> requests.Question | None:
    """The question about samples, if there is one; the Playground, which is opened first, asks others."""
    while (question := requests.take(store)) is not None and question.kind != "samples":
        requests.fail(store, question.key, {"key": "servant.died", "fields": {}})
    return question


def logged(store: Store, number: int, content: bytes) -> None:
    store.home.run(number).mkdir(parents=True, exist_ok=True)
    store.home.log(number).write_bytes(content)


TELLING = (State.QUEUED, State.RUNNING, State.FAILED, State.FINISHED)


@pytest.mark.slow
@pytest.mark.parametrize(("state", "tab"), [(state, tab) for state in State for tab in TABS if tab == "curves" or state in TELLING])
def test_every_tab_shows_a_run_in_any_state(open_page: Open, store: Store, state: State, tab: str) -> None:
    add_run(store, state)
    page = open_page("run", id="1", tab=tab)
    assert page.header[0].value.startswith("Run 1: Digits, LeNet")
    assert strings.say(f"ui.state.{state}") in page.header[0].value
    assert page.query_params.get("tab", "curves") == tab


def test_without_a_run_there_is_a_way_on(open_page: Open) -> None:
    page = open_page("run")
    assert "The address names no run" in words(page)
    page.query_params["id"] = "77"
    assert "There is no run 77: it was deleted, or the number" in read(page.run())


@pytest.mark.parametrize("value", ["../../etc", "NaN", "-1", "9" * 40, "<script>", "１", "", "1;drop table runs", "0x1"])
def test_a_hostile_number_is_none(open_page: Open, store: Store, value: str) -> None:
    add_run(store, State.FINISHED)
    assert "The address names no run" in words(open_page("run", id=value))


@pytest.mark.parametrize("value", ["../..", "<b>", "Curves", "9" * 5000, ""])
def test_a_hostile_tab_is_the_first(open_page: Open, store: Store, value: str) -> None:
    add_run(store, State.FINISHED)
    assert page_tabs(open_page("run", id="1", tab=value)) == "Curves"


def page_tabs(page: AppTest) -> str:
    return str(page.session_state["run-tabs-en"])


def test_the_head_says_what_came_of_it(open_page: Open, store: Store) -> None:
    add_run(store, State.FINISHED, seed=7)
    shown = read(open_page("run", id="1"))
    assert "3 of 20 epochs in 4.2\u00a0s, seed 7. Best epoch 2: validation loss 0.310, 91.2\u00a0% right." in shown


def test_what_went_wrong_stands_in_the_head(open_page: Open, store: Store) -> None:
    add_run(store, State.OUT_OF_MEMORY)
    assert ":red[Memory ran out" in read(open_page("run", id="1"))


def test_markup_in_a_name_is_text(open_page: Open, store: Store) -> None:
    add_run(store, State.FINISHED)
    with store.write() as connection:
        connection.execute(runs.sa.update(runs.runs).values(name="**x** <b>y</b> [a](javascript:b) $z$"))
    assert r"\*\*x\*\* \<b\>y\<\/b\> \[a\]\(javascript\:b\) \$z\$".replace(r"\/", "/") in open_page("run", id="1").header[0].value


def test_the_playground_takes_over_what_the_run_was_started_with(open_page: Open, store: Store) -> None:
    add_run(store, State.FINISHED, weight_decay=1e-3)
    page = open_page("run", id="1")
    page.button(key="open-run").click().run()
    assert not page.exception
    assert page.session_state["knob-weight_decay"] == 1e-3


def test_there_is_nothing_to_compare_a_first_run_with(open_page: Open, store: Store) -> None:
    add_run(store, State.FINISHED)
    assert not [button for button in open_page("run", id="1").button if button.key == "compare-run"]
    add_run(store, State.FINISHED)
    assert open_page("run", id="2").button(key="compare-run")


def test_only_the_open_tab_does_any_work(open_page: Open, store: Store) -> None:
    add_run(store, State.FINISHED)
    checkpoint(store, 1)
    open_page("run", id="1", tab="config")
    assert asked(store) is None
    open_page("run", id="1", tab="samples")
    question = asked(store)
    assert question is not None
    assert (question.kind, question.payload) == ("samples", {"run": 1})


def test_the_test_result_stands_apart(open_page: Open, store: Store) -> None:
    number = add_run(store, State.RUNNING)
    assert "Not looked at yet" in read(open_page("run", id="1", tab="verdict"))
    found = attempts.current(store, number)
    assert found is not None
    runs.set_test(store, found.claim, TestResult(2, 0.4, 0.875, 269))
    transitions.end(store, found.claim, State.FINISHED)
    page = open_page("run", id="1", tab="verdict")
    assert [metric.value for metric in page.metric] == ["87.5\u00a0%", "0.400"]
    assert "269 pictures. They decided nothing" in read(page)


@pytest.mark.usefixtures("listener")
@pytest.mark.parametrize(("reason", "rests"), [("servant.pictures_late", False), ("run.samples.damaged", True)])
def test_pictures_that_were_late_are_looked_for_until_they_come(store: Store, reason: str, rests: bool) -> None:
    """Of a run that has ended nothing more comes; its pictures do."""
    number = add_run(store, State.FINISHED)
    key = asking.ask(store, "samples", {"run": number})
    run, question = runs.get(store, number), asked(store)
    assert question is not None
    assert not run_samples.rests(run, requests.read(store, key))
    requests.fail(store, key, {"key": reason, "fields": {"name": "Digits"}})
    assert run_samples.rests(run, requests.read(store, key)) is rests


def test_samples_of_the_servant_are_told(open_page: Open, store: Store) -> None:
    add_run(store, State.FINISHED)
    checkpoint(store, 1)
    page = open_page("run", id="1", tab="samples")
    assert strings.say("run.samples.waiting") in read(page)
    question = asked(store)
    assert question is not None
    one = {"label": 0, "predicted": 1, "truth": 0.1, "sure": 0.8, "loss": 2.3}
    told = {
        "run": 1, "epoch": 2, "images": 60, "classes": ["**cat**", "dog"], "columns": 8, "matrix": [[0, 0, 29], [0, 1, 1], [1, 1, 30]],
        "kinds": {"best": [], "worst": [one], "confused": [one]}, "pairs": [[0, 1, 1, 30]],
    }  # fmt: skip
    requests.finish(store, question.key, told, b"\x89PNG\r\n\x1a\n")
    page.run()
    assert not page.exception
    assert "Validation pictures at the best epoch, 2" in read(page)
    assert r"\*\*cat\*\* taken for dog: 1 of 30" in words(page)


def test_a_failed_question_is_a_sentence(open_page: Open, store: Store) -> None:
    add_run(store, State.FINISHED)
    checkpoint(store, 1)
    page = open_page("run", id="1", tab="samples")
    question = asked(store)
    assert question is not None
    requests.fail(store, question.key, {"key": "run.samples.damaged", "fields": {}})
    page.run()
    assert strings.say("run.samples.damaged") in read(page)


def test_the_first_batch_is_shown(open_page: Open, store: Store) -> None:
    add_run(store, State.FINISHED)
    facts = Facts(side=32, columns=2, batch=64, labels=["three", "<b>four</b>"])
    write(store.home.samples(1), FirstBatch(b"\x89PNG\r\n\x1a\n", facts))
    assert "At 32 × 32 px, without augmentation. 2 of the 64 pictures" in read(open_page("run", id="1", tab="samples"))


def test_samples_wait_for_an_engine_that_cannot_be_started(store: Store) -> None:
    add_run(store, State.FINISHED)
    checkpoint(store, 1)
    store.home.supervisor_log.mkdir()  # what no process can write its log to
    page = AppTest.from_file(SHELL, default_timeout=20)
    page.query_params.update({"id": "1", "tab": "samples"})
    page.run()
    page.switch_page("run.py").run()
    assert not page.error
    assert "The engine is not running and cannot be started" in read(page)
    assert strings.say("run.samples.first_none") in read(page)


HOSTILE = (b"", b"{", b"[]", b'{"side": 32}', b'{"side": -1, "columns": 2, "batch": 1, "labels": ["a"]}', b"[" * 100_000, b"\xff\xfe")


@pytest.mark.parametrize("content", HOSTILE)
def test_hostile_facts_of_a_first_batch_are_a_sentence(open_page: Open, store: Store, content: bytes) -> None:
    add_run(store, State.FINISHED)
    write(store.home.samples(1), FirstBatch(b"\x89PNG\r\n\x1a\n", Facts(side=8, columns=1, batch=1, labels=["a"])))
    (store.home.samples(1) / "first_batch.json").write_bytes(content)
    assert strings.say("run.samples.first_damaged") in read(open_page("run", id="1", tab="samples"))


@pytest.mark.parametrize("name", ["first_batch.json", "first_batch.png"])
def test_a_pipe_or_a_link_is_no_first_batch(open_page: Open, store: Store, name: str) -> None:
    add_run(store, State.FINISHED)
    write(store.home.samples(1), FirstBatch(b"\x89PNG\r\n\x1a\n", Facts(side=8, columns=1, batch=1, labels=["a"])))
    file = store.home.samples(1) / name
    for make in (os.mkfifo, lambda path: path.symlink_to("/etc/passwd")):
        file.unlink()
        make(file)
        assert strings.say("run.samples.first_none") in read(open_page("run", id="1", tab="samples"))


def test_the_config_names_the_default_where_it_differs(open_page: Open, store: Store) -> None:
    add_run(store, State.FINISHED, weight_decay=1e-3, seed=5)
    page = open_page("run", id="1", tab="config")
    table = page.dataframe[0].value.set_index("Knob")
    assert tuple(table.loc["Weight decay"]) == ("1e-3", "0")
    assert tuple(table.loc["Dropout"]) == ("0.2", "")
    assert page.code[0].value == "python -m engine train --weight-decay=0.001 --seed=5"
    assert "playground?knob-weight%5Fdecay=0.001&knob-seed=5" in words(page)


def begun(store: Store, weights: str, **told: object) -> str:
    """The Config tab of a run that began with these weights, as a person reads it; `told` is what its worker has said of them."""
    number = add_run(store, State.RUNNING, architecture="resnet18", weights=weights)
    found = attempts.current(store, number)
    assert found is not None
    if told:
        left = {"conv1.weight": "shape", "fc.weight": "classes", "fc.bias": "classes"}
        event = records.Event(records.last_seq(store, number) + 1, "weights", 0, 0, {"left": left}, 0.0)
        records.append(store, found.claim, records.Batch(events=[event], summary={"weights": {"from": weights, **told}}))
    return str(number)


def test_the_config_leads_to_the_run_whose_weights_it_began_with(open_page: Open, store: Store) -> None:
    donor = add_run(store, State.FINISHED)
    number = begun(store, f"run:{donor}", checkpoint="000000040-1", epoch=2, taken=122, left=0, share=1.0)
    shown = words(open_page("run", id=number, tab="config"))
    assert "Weights it began with\n" in shown
    assert f"[Run {donor}](run?id={donor})" in shown
    assert "All of the network's 122 tensors came from there." in shown
    attempt = attempts.current(store, int(number))
    assert attempt is not None
    transitions.end(store, attempt.claim, State.FINISHED)
    deletion.delete(store, [donor])
    assert f"Run {donor}, which was deleted" in words(open_page("run", id=number, tab="config"))


def test_the_config_says_what_did_not_fit_of_weights_of_imagenet(open_page: Open, store: Store) -> None:
    shown = read(open_page("run", id=begun(store, "imagenet", file="a.pth", taken=119, left=3, share=0.9981), tab="config"))
    assert "Weights it began with\nThe same run again" in shown
    assert "\nImageNet\n" in shown
    assert "99.8\u00a0% of the network's weights came from there; 3 of its 122 tensors were not taken" in shown
    assert "Another shape: conv1.weight" in shown
    assert "Tells other classes apart: fc.weight, fc.bias" in shown


def test_the_config_says_nothing_of_weights_that_were_drawn_nor_of_what_is_not_known_yet(open_page: Open, store: Store) -> None:
    shown = read(open_page("run", id=begun(store, "imagenet"), tab="config"))
    assert "Weights it began with" in shown
    assert "came from there" not in shown
    add_run(store, State.FINISHED)
    assert "Weights it began with" not in words(open_page("run", id="2", tab="config"))


def test_a_log_is_text_of_its_last_lines(open_page: Open, store: Store) -> None:
    add_run(store, State.RUNNING)
    logged(store, 1, b"".join(b"line %d <b>**x**</b>\x1b[2J\n" % line for line in range(700)))
    shown = open_page("run", id="1", tab="log").code[0].value
    assert shown.startswith("line 200 <b>**x**</b>\ufffd[2J")
    assert "line 699" in shown


def test_a_log_that_is_a_pipe_is_a_sentence(open_page: Open, store: Store) -> None:
    add_run(store, State.FINISHED)
    store.home.run(1).mkdir(parents=True)
    os.mkfifo(store.home.log(1))
    assert strings.say("run.log.unreadable") in read(open_page("run", id="1", tab="log"))


def test_attempts_are_told_where_there_was_more_than_one(open_page: Open, store: Store) -> None:
    number = add_run(store, State.QUEUED)
    crash(store, number)
    assert not open_page("run", id="1", tab="log").dataframe
    train(store, claimed(store, number))
    table = open_page("run", id="1", tab="log").dataframe[0].value
    assert list(table["Attempt"]) == [1, 2]
    assert table["Reason"][0].startswith("The training process was killed (Killed)")


def test_files_are_listed_with_what_they_are(open_page: Open, store: Store) -> None:
    add_run(store, State.FINISHED)
    checkpoint(store, 1)
    logged(store, 1, b"hello\n")
    kept, found = (table.value for table in open_page("run", id="1", tab="files").dataframe)
    assert list(kept["Name"]) == ["000000040-1"]
    assert list(kept["Size"]) == ["1.0\u00a0MB"]
    assert list(found["File"]) == ["log.txt"]


def test_the_verdict_is_told_as_it_came_about(open_page: Open, store: Store) -> None:
    number = add_run(store, State.RUNNING)
    found = attempts.current(store, number)
    assert found is not None
    events = [verdict(10 + epoch, epoch, "too_early" if epoch < 3 else "healthy") for epoch in (1, 2, 3, 4)]
    records.append(store, found.claim, records.Batch(events=events))
    shown = read(open_page("run", id="1", tab="verdict"))
    assert shown.index("epochs 3 to 4") < shown.index("epochs 1 to 2")


@pytest.mark.parametrize("state", [State.RUNNING, State.STOPPED])
def test_a_run_that_ended_too_early_waits_for_no_epoch(open_page: Open, store: Store, state: State) -> None:
    number = add_run(store, State.RUNNING)
    found = attempts.current(store, number)
    assert found is not None
    records.append(store, found.claim, records.Batch(events=[verdict(11, 3, "too_early")]))
    if state.ended:
        transitions.end(store, found.claim, state, {"key": "errors.stopped", "fields": {}})
    shown = read(open_page("run", id="1", tab="verdict"))
    assert ("What would change my mind: a run of at least 6 epochs." in shown) == state.ended
    assert ("epoch 6, when there is enough to judge" in shown) != state.ended


def verdict(seq: int, epoch: int, name: str) -> records.Event:
    too_early = {"name": "epochs", "value": epoch, "threshold": 6, "low": None, "high": None, "fields": {"judged": epoch, "planned": 20}}
    data = {
        "name": name, "tier": None, "since_epoch": None, "best_epoch": epoch, "epoch": epoch, "modifiers": [],
        "evidence": [too_early | {"fields": {"judged": epoch, "planned": 20, "epochs": epoch}}],
        "refuted_by": {"name": "enough_epochs", "limit": 6, "epochs": 1, "fields": {}},
    }  # fmt: skip
    return records.Event(seq, records.VERDICT, 20 * epoch, epoch, data, time.time())


def test_in_chinese(open_page: Open, store: Store) -> None:
    add_run(store, State.FINISHED)
    page = open_page("run", id="1", tab="log")
    page.segmented_control(key="lang").set_value("zh").run()
    assert not page.exception
    assert page.header[0].value.startswith("运行 1：")
    assert page.session_state["run-tabs-zh"] == "日志"
