"""The recipes to begin with: each can be started, is described, and ends as it says."""

import pytest

from engine import strings
from engine.jobs import launch
from engine.presets import PRESETS
from tests.conftest import SHARED_DATA
from tests.engine_room import EngineRoom


@pytest.mark.parametrize("name", PRESETS)
def test_each_can_be_started_and_is_described(name: str) -> None:
    assert PRESETS[name].config()
    for language in strings.LANGUAGES:
        assert strings.say(f"presets.{name}.label", language)
        assert strings.say(f"presets.{name}.brief", language)
        assert strings.say(f"presets.{name}.why", language)


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_each_ends_with_the_verdict_that_it_is_to_show(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATHANOR_DATA", str(SHARED_DATA))
    at_hand = ("digits", "fashion_mnist") if SHARED_DATA.is_dir() else ("digits",)
    here = {name: preset for name, preset in PRESETS.items() if preset.config().data.dataset in at_hand}
    assert all(PRESETS[name].shows for name in here)
    room = EngineRoom(tmp_path_factory.mktemp("presets"))
    try:
        ended = {name: room.ended(launch.submit(room.store, preset.config()), 2000) for name, preset in here.items()}
    finally:
        room.close()
    assert {name: run.summary["verdict"] for name, run in ended.items()} == {name: preset.shows for name, preset in here.items()}
