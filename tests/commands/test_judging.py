"""Verdict and try, as typed."""

import json
import time

import pytest

from engine.config import CONFIG_VERSION, RunConfig
from engine.jobs import launch
from engine.store import advice, attempts, records, runs, transitions
from engine.store.connect import Store
from engine.store.records import Batch, Event
from engine.store.runs import State
from tests.commands.conftest import Athanor, Runs
from tests.prescribed import told, verdict

SUMMARY = {"epoch": 10, "epochs": 20, "seconds": 30.0, "val_accuracy": 0.8}


def judged(make: Runs, name: str = "overfitting", state: State = State.FINISHED, **knobs: object) -> int:
    """A run of which this was said last, with what is prescribed for these knobs."""
    config = RunConfig.from_flat(knobs)
    claim = make.begun(make.queued())
    events = [told("healthy", config, 1), told(name, config, 2)]
    records.append(make.store, claim, Batch(events=events, summary=SUMMARY))
    if state is not State.RUNNING:
        transitions.end(make.store, claim, state)
    return claim.run


def tried_before(make: Runs, times: int, gain: float, name: str = "augment_more") -> None:
    """So many followed prescriptions that came to their end, each with a little more gain, no two alike."""
    for k in range(times):
        parent = judged(make)
        config = RunConfig.from_flat({"seed": parent}).model_dump(mode="json")
        child = runs.create(make.store, runs.New("tried", config, CONFIG_VERSION, parent=parent, advice=runs.Advice("overfitting", name)))
        claim = make.begun(child)
        records.append(make.store, claim, Batch(summary=SUMMARY | {"val_accuracy": 0.8 + gain + k / 1000}))
        transitions.end(make.store, claim, State.FINISHED)


def test_a_verdict_is_told_with_what_to_try(athanor: Athanor, make: Runs) -> None:
    said = athanor("verdict", judged(make))
    assert (said.code, said.err) == (0, "")
    lines = said.out.splitlines()
    assert lines[0] == "Overfitting (strong evidence, since epoch 31)"
    assert lines[1].startswith("Validation loss has risen for 30 epochs while training loss still falls")
    assert sum(line.startswith("  ") for line in lines) == 3
    assert lines[5].startswith("What would change my mind")
    tries = [line.split(":")[0].split()[1] for line in lines if line.startswith("try ")]
    assert tries == ["smooth_labels", "augment_more", "drop_more", "decay_more"]
    said_first = "try smooth_labels: Label smoothing (label_smoothing 0.0 → 0.1). It keeps the network from being ever more sure."
    assert f"{said_first} (rule of thumb; about 1:00)" in lines


def test_of_a_run_that_tried_a_prescription_it_says_what_that_brought(athanor: Athanor, make: Runs) -> None:
    parent = judged(make)
    child = launch.follow(make.store, parent, "drop_more")
    claim = make.begun(child)
    event = told("healthy", RunConfig(), 1)
    records.append(make.store, claim, Batch(events=[event], summary=SUMMARY | {"val_accuracy": SUMMARY["val_accuracy"] + 0.02}))
    transitions.end(make.store, claim, State.FINISHED)
    out = athanor("verdict", child).out
    assert f"“More dropout”, prescribed for run {parent}: validation accuracy +2.0 points (one pair says little)." in out


def test_a_dearer_prescription_says_that_it_takes_more_time(athanor: Athanor, make: Runs) -> None:
    more = next(line for line in athanor("verdict", judged(make, train_share=0.5)).out.splitlines() if "more_data" in line)
    assert more.endswith("(rule of thumb; about 2:00)")


def test_what_was_tried_before_is_counted(athanor: Athanor, make: Runs) -> None:
    number = judged(make)
    tried_before(make, 4, 0.02)
    assert "(rule of thumb; helped 4 of 4; about 1:00)" in athanor("verdict", number).out
    tried_before(make, 1, -0.05)
    assert "helped 4 of 5; about 1:00)" in athanor("verdict", number).out
    assert "(+0.7 points (−3.3 to +4.7); helped 4 of 5; about 1:00)" in athanor("verdict", number).out


def test_copies_of_one_pair_are_no_measurement(athanor: Athanor, make: Runs) -> None:
    number = judged(make)
    for _ in range(5):
        parent = judged(make)
        child = launch.follow(make.store, parent, "drop_more")
        claim = make.begun(child)
        records.append(make.store, claim, Batch(summary=SUMMARY | {"val_accuracy": 0.81}))
        transitions.end(make.store, claim, State.FINISHED)
    assert "(rule of thumb; helped 1 of 1; about 1:00)" in athanor("verdict", number).out


def test_for_programs_it_is_one_object_with_the_prescriptions(athanor: Athanor, make: Runs) -> None:
    number = judged(make)
    facts = athanor("verdict", number, "--json").facts
    expected = json.loads(json.dumps(verdict("overfitting", RunConfig()).as_dict()))
    assert {name: facts[name] for name in expected} == expected
    assert facts["id"] == number
    assert facts["prescriptions"][0] == {
        "name": "smooth_labels", "changes": {"label_smoothing": [0.0, 0.1]}, "cost": 1.0,
    }  # fmt: skip
    assert facts["words"]["title"] == "Overfitting"


def test_what_is_only_to_be_looked_at_is_said_without_a_name_to_try(athanor: Athanor, make: Runs) -> None:
    out = athanor("verdict", judged(make, "memorising")).out
    assert "Look at the data. Wrong labels and leaks are found by looking." in out.splitlines()
    assert "try " not in out


def test_nothing_is_prescribed_for_a_healthy_run(athanor: Athanor, make: Runs) -> None:
    said = athanor("verdict", judged(make, "healthy"))
    assert said.code == 0
    assert "try " not in said.out


def test_a_run_of_which_nothing_was_said_and_one_that_is_not_there_are_bad_input(athanor: Athanor, make: Runs) -> None:
    number = make.in_state(State.FINISHED)
    said = athanor("verdict", number)
    assert (said.code, said.out, said.err) == (2, "", f"athanor: Run {number} has no verdict yet: none of its epochs is done.\n")
    assert athanor("verdict", 99).code == 2
    assert "no run 99" in athanor("verdict", 99).err


@pytest.mark.parametrize("words", [(), (1, "--curves", "curves.jsonl")])
def test_either_a_run_or_curves_are_judged(athanor: Athanor, words: tuple[object, ...]) -> None:
    said = athanor("verdict", *words)
    assert (said.code, said.out) == (2, "")
    assert "Which run is to be judged?" in said.err


def without_words(store: Store, number: int) -> None:
    """The verdict of a newer Athanor: something is prescribed that this one has no words for."""
    with store.write() as connection:
        data = told("overfitting", RunConfig(), 2).data
        data["prescriptions"].insert(0, {"name": "transmute", "changes": {"dropout": [0.2, 0.3]}, "cost": 1.0})
        table = records.events
        connection.execute(table.update().where(table.c.run == number, table.c.seq == 2).values(data=data))


def test_a_prescription_without_words_is_left_out_of_the_text(athanor: Athanor, make: Runs) -> None:
    number = judged(make)
    whole = athanor("verdict", number).out
    without_words(make.store, number)
    assert athanor("verdict", number).out == whole
    assert athanor("verdict", number, "--json").facts["prescriptions"][0]["name"] == "transmute"


OF_ANOTHER_VERSION = [{"more": 1}, {"name": "martian"}, {"tier": "cosmic"}, {"evidence": []}]


@pytest.mark.parametrize("change", OF_ANOTHER_VERSION, ids=["field", "name", "tier", "no evidence"])
def test_a_verdict_of_another_version_ends_with_a_sentence(athanor: Athanor, make: Runs, change: dict[str, object]) -> None:
    number = judged(make)
    with make.store.write() as connection:
        table = records.events
        data = told("overfitting", RunConfig(), 2).data | change
        connection.execute(table.update().where(table.c.run == number, table.c.seq == 2).values(data=data))
    for words in (("verdict", number), ("verdict", number, "--json"), ("try", number, "drop_more")):
        said = athanor(*words)
        assert (said.code, said.out) == (2, "")
        assert said.err == f"athanor: What was said of run {number} was said by another version of Athanor; this one cannot read it.\n"


def test_what_a_retry_has_taken_back_is_neither_said_nor_tried(athanor: Athanor, make: Runs) -> None:
    number = judged(make, state=State.RUNNING)
    found = attempts.current(make.store, number)
    assert found is not None
    rewind = Event(3, records.REWIND, 0, 0, {}, time.time())
    records.append(make.store, found.claim, Batch(events=[rewind]))
    assert athanor("verdict", number).err == f"athanor: Run {number} has no verdict yet: none of its epochs is done.\n"
    assert "what is: –" in athanor("try", number, "drop_more").err


@pytest.mark.parametrize("state", [State.RUNNING, State.FINISHED, State.STOPPED])
def test_what_is_prescribed_is_tried(athanor: Athanor, make: Runs, state: State) -> None:
    number = judged(make, state=state)
    said = athanor("try", number, "drop_more")
    assert (said.code, said.err) == (0, "")
    child = advice.followed(make.store)[0]
    assert (child.parent, child.prescription) == (number, "drop_more")
    assert f"{child.run}" in said.out and "dropout = 0.4" in said.out
    assert runs.get(make.store, child.run).state is State.QUEUED


def test_tried_twice_it_is_one_run(athanor: Athanor, make: Runs) -> None:
    number = judged(make)
    first = athanor("try", number, "smooth_labels", "--json").facts
    assert first == athanor("try", number, "smooth_labels", "--json").facts
    assert first["parent"] == number
    assert runs.get(make.store, first["id"]).knobs["label_smoothing"] == 0.1


WORDS = {
    State.QUEUED: "Run 2 is queued: run 1 with dropout = 0.4.\n",
    State.RUNNING: "Run 2 is running: run 1 with dropout = 0.4.\n",
    State.PAUSED: "Run 2 is paused: run 1 with dropout = 0.4. It goes on after: python -m engine resume 2\n",
    State.FINISHED: "Run 2 had ended already (finished): run 1 with dropout = 0.4.\n",
    State.STOPPED: "Run 2 had ended already (stopped): run 1 with dropout = 0.4. To try it again: python -m engine retry 2\n",
    State.FAILED: "Run 2 had ended already (failed): run 1 with dropout = 0.4. To try it again: python -m engine retry 2\n",
}


@pytest.mark.slow
@pytest.mark.parametrize("state", WORDS)
def test_of_what_was_tried_before_it_is_said_what_became_of_it(athanor: Athanor, make: Runs, state: State) -> None:
    number = judged(make)
    assert athanor("try", number, "drop_more").out == WORDS[State.QUEUED]
    if state is not State.QUEUED:
        claim = make.begun(2)
        if state is not State.RUNNING:
            transitions.end(make.store, claim, state, {"key": "errors.stopped", "fields": {}})
    said = athanor("try", number, "drop_more")
    assert (said.code, said.out) == (0, WORDS[state])
    assert athanor("try", number, "drop_more", "--json").facts == {"id": 2, "parent": 1, "state": state}


def test_what_is_not_prescribed_ends_with_two_and_names_what_is(athanor: Athanor, make: Runs) -> None:
    number = judged(make)
    said = athanor("try", number, "sorcery")
    assert (said.code, said.out) == (2, "")
    names = "smooth_labels, augment_more, drop_more, decay_more"
    assert said.err == f"athanor: sorcery is not prescribed for run {number} now; what is: {names}.\n"
    assert athanor("try", 99, "drop_more").code == 2
    assert athanor("try", number).code == 2
    assert athanor("try", "x", "drop_more").code == 2
    assert [run.id for run in runs.listing(make.store)] == [number]


def test_a_name_made_for_a_terminal_is_not_obeyed(athanor: Athanor, make: Runs) -> None:
    said = athanor("try", judged(make), "\x1b[2J" + "x" * 500)
    assert said.code == 2
    assert "\x1b" not in said.err
    assert len(said.err) < 300
