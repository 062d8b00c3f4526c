"""A browser watches a run while its worker is killed: the curve goes back to the checkpoint and on to the right end."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine import faults
from engine.jobs import launch
from engine.store.runs import State
from tests.browser.conftest import App
from tests.browser.screen import chart, picture
from tests.faults.conftest import EXACT
from tests.faults.promises import broken, curves
from tests.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow

LONG_ENOUGH, HELD = EXACT | {"epochs": 120}, 20
# Every line as Plotly has it; the measured points of the validation loss are one of them, beside its smoothed line.
DRAWN = "() => document.querySelector('.athanor-live .plot').data.map(line => line.x.map((x, index) => [x, line.y[index]]))"


@pytest.fixture(scope="module", autouse=True)
def hold(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A file: while it exists, every attempt waits at its 20th epoch. Known to whoever starts the supervisor."""
    file = tmp_path_factory.mktemp("hold") / "hold"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(faults.VARIABLE, f"training.epoch=wait@{HELD}~{file}")
        yield file


def drawn(page: "Page", measured: list[tuple[int, float]]) -> bool:
    """Whether one of the lines is exactly these points."""
    return any(
        [x for x, _ in line] == [x for x, _ in measured] and [y for _, y in line] == pytest.approx([y for _, y in measured], abs=1e-9)
        for line in page.evaluate(DRAWN)
    )


def test_a_viewer_who_watches_through_a_kill_and_a_pause_sees_the_right_curve(hold: Path, app: App, page: "Page") -> None:
    room = app.room
    quiet = room.start(**LONG_ENOUGH)
    room.ended(quiet)
    hold.touch()
    number = room.start(**LONG_ENOUGH)
    page.goto(f"{app.url}/?id={number}")
    chart(page, "live", number)
    page.evaluate("window.neverReloaded = true")
    until(lambda: room.run(number).summary.get("epoch") == HELD - 1)
    room.kill_worker(number)
    until(lambda: room.run(number).attempt == 2 and room.run(number).state is State.RUNNING)
    launch.pause(room.store, number)
    hold.unlink()
    until(lambda: room.run(number).state is State.PAUSED)
    picture(page, "paused-after-a-kill")
    launch.resume(room.store, number)
    assert room.ended(number).state is State.FINISHED
    chart(page, "ended", number)
    until(lambda: drawn(page, [(epoch, value or 0.0) for epoch, _, value in curves(room, quiet)["val_loss"]]))
    assert page.evaluate("window.neverReloaded") is True
    picture(page, "ended-after-a-kill-and-a-pause")
    assert broken(room) == []
