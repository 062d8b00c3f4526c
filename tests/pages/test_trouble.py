"""A page in which something goes wrong that nobody has thought of: a sentence, no trace but behind "Details", and the log has it all."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit import config
from streamlit.testing.v1 import AppTest

from engine import strings
from engine.store import records
from engine.store.connect import Store
from engine.store.home import PROJECT
from engine.store.runs import State
from pages.components import trouble
from tests.pages.conftest import SHELL, add_run, claimed

Open = Callable[..., AppTest]

FAILING = """
import streamlit as st
from pages.components import trouble
with trouble.told():
    from engine.store.runs import number_of
    open("{home}/secret place/" + str(number_of("7")) + "\\x00")
st.write("the rest")
"""
PULSING = """
import streamlit as st
from pages.components.pulse import pulsing
@pulsing
def part():
    {act}
part()
st.write("the rest")
"""
PRESSED = """
import streamlit as st
from pages.components.pulse import attempt_to
from pages.components.state import told
st.write(" ".join(told()) or "nothing")
st.button("press", key="press", on_click=attempt_to, args=({act},))
"""


@pytest.fixture(autouse=True)
def _nothing_logged_yet(home: Path) -> None:
    trouble._logged.clear()


def shown(script: str) -> AppTest:
    return AppTest.from_string(script, default_timeout=20).run()


def test_streamlit_shows_no_trace_of_its_own() -> None:
    assert '\nshowErrorDetails = "none"' in (PROJECT / ".streamlit" / "config.toml").read_text(encoding="utf-8")
    assert config.ShowErrorDetailsConfigOptions("none")


def test_an_error_nobody_thought_of_is_a_sentence_and_the_rest_of_the_page_stands(caplog: pytest.LogCaptureFixture) -> None:
    page = shown(FAILING.format(home=Path.home()))
    assert not page.exception
    assert page.error[0].value.startswith("This part of the page has failed.")
    assert page.expander[0].label == "Details"
    assert page.code[0].value.startswith("ValueError: ")
    assert page.markdown[-1].value == "the rest"
    assert "Traceback" in caplog.text


def test_the_details_name_our_own_lines_by_short_paths_only() -> None:
    page = shown(PULSING.format(act="from engine.folders import discover; discover(3)"))
    told = page.code[0].value.splitlines()
    assert told[0].startswith("TypeError: ")
    assert [line.split(":")[0] for line in told[1:]] == ["pages/components/pulse.py", "engine/folders.py"]
    assert str(PROJECT) not in page.code[0].value


def test_the_folders_of_this_machine_are_not_shown() -> None:
    error = OSError(f"{PROJECT}/engine/x.py and {Path.home()}/thesis")
    assert trouble.details(error) == "OSError: engine/x.py and ~/thesis"


@pytest.mark.parametrize(("act", "drawn"), [("st.stop()", []), ("st.session_state.pop('first', None) and st.rerun()", ["the rest"])])
def test_streamlits_own_ways_to_leave_a_script_pass(act: str, drawn: list[str]) -> None:
    page = AppTest.from_string(PULSING.format(act=act), default_timeout=20)
    page.session_state["first"] = True
    page.run()
    assert not page.exception
    assert not page.error
    assert [element.value for element in page.markdown] == drawn


def test_a_part_that_fails_at_every_pulse_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    page = shown(PULSING.format(act="1 / 0"))
    page.run()
    assert page.error
    assert [record.levelno for record in caplog.records if record.name == trouble.log.name] == [logging.ERROR]


def test_a_press_that_fails_is_told_with_a_sentence(caplog: pytest.LogCaptureFixture) -> None:
    page = shown(PRESSED.format(act="lambda store: 1 / 0"))
    page.button(key="press").click().run()
    assert not page.exception
    assert page.markdown[0].value.startswith("This part of the page has failed.")
    assert "ZeroDivisionError" in caplog.text


def test_a_run_that_cannot_be_shown_costs_nobody_the_rest(store: Store, open_page: Open) -> None:
    other, number = add_run(store, State.FINISHED), add_run(store, State.QUEUED)
    records.append(store, claimed(store, number), records.Batch(summary={"epoch": "three", "seconds": [], "val_loss": {}}))
    page = open_page("playground", id=str(number))
    assert page.error[0].value.startswith("This part of the page has failed.")
    assert page.button(key=f"open-{other}").label
    assert page.selectbox(key="knob-dataset").value == "digits"


def test_a_store_that_cannot_be_opened_is_told_once(store: Store) -> None:
    with store.write() as connection:
        store._backend.set_version(connection, 999)
    store.engine.dispose()
    page = AppTest.from_file(SHELL, default_timeout=20).run()
    assert not page.exception
    assert len(page.error) == 1
    assert "newer Athanor" in page.error[0].value


def test_the_sentence_is_there_in_chinese() -> None:
    assert strings.say("ui.trouble.sentence", "zh") != strings.say("ui.trouble.sentence", "en")
