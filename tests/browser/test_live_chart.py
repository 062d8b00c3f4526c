"""The live chart in a real browser, on a server of its own that a test feeds message by message."""

import math
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.live_chart_room import CHART, STEPS, Held, Server, drawn, frames, has, hello, horizontal_range, rows, visit, zoom
from tests.waiting import until


def test_points_arrive_live_until_the_end(page: Page, server: Server, run: int) -> None:
    server.push(run, hello(run), rows(1, 5, 1))
    visit(page, server, f"run={run}")
    has(page, "run", run)
    has(page, "state", "live")
    has(page, "points", 20)
    server.push(run, rows(6, 6, 21))
    has(page, "points", 24)
    has(page, "last", 1_700_000_000_006)
    server.push(run, {"kind": "state", "state": "finished", "words": "finished"}, {"kind": "end"})
    has(page, "state", "ended")
    drawn(page, 6)
    expect(page.get_by_role("img", name="digits, Loss, epoch 6: validation 0.746, training 0.446.")).to_be_visible()


@pytest.mark.slow
def test_points_count_as_drawn_when_plotly_has_drawn_them(page: Page, server: Server, run: int) -> None:
    held = Held(page)
    server.push(run, hello(run), rows(1, 5, 1))
    visit(page, server, f"run={run}")
    has(page, "points", 20)
    has(page, "drawn", 0)
    held.let_go()
    has(page, "drawn", 20)
    assert page.evaluate("document.querySelector('.athanor-live .plot').data.some(t => t.x.length === 5)")
    server.push(run, rows(6, 6, 21))
    has(page, "drawn", 24)


@pytest.mark.slow
def test_pictures_that_waited_for_plotly_are_drawn_as_one(page: Page, server: Server, run: int) -> None:
    held = Held(page)
    server.push(run, hello(run), rows(1, 5, 1))
    visit(page, server, f"run={run}")
    has(page, "points", 20)
    for name in ("Accuracy", "Loss") * 3:
        page.get_by_role("button", name=name, exact=True).click()
        frames(page)
    held.let_go()
    has(page, "drawn", 20)
    assert held.reacts() == 1


@pytest.mark.slow
def test_a_zoom_survives_updates_and_reruns_until_a_double_click(page: Page, server: Server, run: int) -> None:
    server.push(run, hello(run), rows(1, 8, 1))
    visit(page, server, f"run={run}")
    drawn(page, 8)
    zoomed = zoom(page)
    server.push(run, rows(9, 9, 33))
    drawn(page, 9)
    assert horizontal_range(page) == zoomed
    page.get_by_role("button", name="Run again").click()
    page.get_by_text("clicks 1").wait_for()
    server.push(run, rows(10, 10, 37))
    drawn(page, 10)
    assert horizontal_range(page) == zoomed
    assert zoomed[1] - zoomed[0] < 12
    assert server.cursors(run) == [0]
    page.locator(".athanor-live .nsewdrag").dblclick()
    page.wait_for_function("document.querySelector('.athanor-live .plot').layout.xaxis.range[1] === 20")


@pytest.mark.slow
def test_a_hover_survives_an_update(page: Page, server: Server, run: int) -> None:
    server.push(run, hello(run), rows(1, 8, 1))
    visit(page, server, f"run={run}")
    drawn(page, 8)
    page.locator(".athanor-live .nsewdrag").hover(position={"x": 100, "y": 60})
    expect(page.locator(".athanor-live .hoverlayer")).to_contain_text("validation")
    server.push(run, rows(9, 9, 33))
    drawn(page, 9)
    expect(page.locator(".athanor-live .hoverlayer")).to_contain_text("validation")


@pytest.mark.slow
def test_a_rewind_drops_what_lies_after_it(page: Page, server: Server, run: int) -> None:
    server.push(run, hello(run), rows(1, 8, 1))
    visit(page, server, f"run={run}")
    has(page, "points", 32)
    rewind = {"seq": 33, "kind": "rewind", "step": 5 * STEPS, "epoch": 5, "data": {}}
    server.push(run, {"kind": "rows", "seq": 33, "rows": [], "events": [rewind]})
    has(page, "points", 20)
    server.push(run, rows(6, 6, 34))
    has(page, "points", 24)


@pytest.mark.slow
def test_each_attempt_has_its_mark_where_it_went_on(page: Page, server: Server, run: int) -> None:
    def rewind(seq: int, epoch: int, attempt: int) -> dict[str, Any]:
        event = {"seq": seq, "kind": "rewind", "step": epoch * STEPS, "epoch": epoch, "data": {"attempt": attempt}}
        return {"kind": "rows", "seq": seq, "rows": [], "events": [event]}

    server.push(run, hello(run), rows(1, 8, 1), rewind(33, 5, 2))
    visit(page, server, f"run={run}")
    words = "document.querySelector('.athanor-live .plot')?.layout?.annotations?.map(a => a.text).filter(t => /^attempt/.test(t)).join()"
    page.wait_for_function(f"{words} === 'attempt 2'")
    server.push(run, rows(6, 15, 34), rewind(74, 12, 3))
    page.wait_for_function(f"{words} === 'attempt 2,attempt 3'")
    server.push(run, rewind(75, 12, 4))
    page.wait_for_function(f"{words} === 'attempt 2,attempt 4'")
    server.push(run, rewind(76, 0, 5))
    page.wait_for_function(f"{words} === 'attempt 5'")
    has(page, "points", 0)


@pytest.mark.slow
def test_a_rewind_in_the_history_spares_the_rows_written_after_it(page: Page, server: Server, run: int) -> None:
    rewind = {"seq": 33, "kind": "rewind", "step": 5 * STEPS, "epoch": 5, "data": {}}
    history = rows(1, 8, 1, (rewind,))
    again = rows(6, 6, 34)
    server.push(run, hello(run), {**again, "rows": history["rows"] + again["rows"], "events": [rewind]})
    visit(page, server, f"run={run}")
    has(page, "points", 24)


@pytest.mark.slow
def test_a_lost_socket_reads_on_from_the_cursor(page: Page, server: Server, run: int) -> None:
    server.push(run, hello(run), rows(1, 5, 1))
    visit(page, server, f"run={run}")
    has(page, "points", 20)
    page.evaluate("""() => {
        const root = document.querySelector("[data-live-chart]");
        window.states = [];
        new MutationObserver(() => window.states.push(root.dataset.state)).observe(root, { attributeFilter: ["data-state"] });
    }""")
    server.drop(run)
    page.wait_for_function("window.states.includes('reconnecting') && window.states.at(-1) === 'live'")
    server.push(run, rows(5, 6, 17))
    has(page, "points", 24)
    assert server.cursors(run) == [0, 20]


@pytest.mark.slow
def test_another_run_starts_from_nothing(page: Page, server: Server, run: int) -> None:
    server.push(run, hello(run), rows(1, 5, 1))
    visit(page, server, f"run={run}")
    has(page, "points", 20)
    page.get_by_text("Another run", exact=True).click()
    has(page, "run", 99)
    has(page, "points", 0)
    expect(page.get_by_role("img", name="run 99: no numbers yet.")).to_be_visible()


@pytest.mark.slow
def test_no_run_shows_an_example_and_no_working_switch(page: Page, server: Server) -> None:
    visit(page, server, "")
    has(page, "state", "empty")
    expect(page.locator(CHART)).to_contain_text("an example, not your run")
    expect(page.get_by_role("button", name="Smooth")).to_be_disabled()


@pytest.mark.slow
def test_markup_in_a_name_or_a_label_stays_text(page: Page, server: Server, run: int) -> None:
    name, label = "<b>bold</b> & <img src=x>", "rate <i>1</i>"
    change = {"seq": 21, "kind": "ledger", "step": 2 * STEPS, "epoch": 2, "data": {"label": label}}
    server.push(run, hello(run, name), rows(1, 5, 1, (change,)))
    visit(page, server, f"overlays={run}")
    expect(page.locator(f"{CHART} .annotation-text").filter(has_text="<b>bold</b>")).to_be_visible()
    visit(page, server, f"run={run}")
    expect(page.locator(f"{CHART} .annotation-text").filter(has_text=label)).to_be_visible()
    assert page.locator(f"{CHART} img, {CHART} b, {CHART} i").count() == 0


@pytest.mark.slow
def test_accuracy_and_log_axis_are_a_press_away(page: Page, server: Server, run: int) -> None:
    server.push(run, hello(run), rows(1, 8, 1))
    visit(page, server, f"run={run}")
    drawn(page, 8)
    page.get_by_role("button", name="Log axis").click()
    page.wait_for_function("document.querySelector('.athanor-live .plot').layout.yaxis.type === 'log'")
    page.get_by_role("button", name="Accuracy").click()
    expect(page.get_by_role("img", name="digits, Accuracy, epoch 8: validation 81.0\u00a0%, training 91.0\u00a0%.")).to_be_visible()
    expect(page.get_by_role("button", name="Accuracy")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("button", name="Log axis")).to_be_disabled()


@pytest.mark.slow
def test_an_amber_band_marks_what_the_verdict_talks_about(page: Page, server: Server, run: int) -> None:
    told = {"seq": 33, "kind": "verdict", "step": 144, "epoch": 8, "data": {"name": "overfitting", "since_epoch": 6, "best_epoch": 5}}
    server.push(run, hello(run), rows(1, 8, 1, (told,)))
    visit(page, server, f"run={run}")
    bands = "document.querySelector('.athanor-live .plot')?.layout?.shapes?.filter(s => s.type === 'rect').map(s => [s.x0, s.x1]).join()"
    page.wait_for_function(f"{bands} === '6,8'")
    healthy = {"seq": 34, "kind": "verdict", "step": 144, "epoch": 8, "data": {"name": "healthy", "since_epoch": 8, "best_epoch": 8}}
    server.push(run, {"kind": "rows", "seq": 34, "rows": [], "events": [healthy]})
    page.wait_for_function(f"{bands} === ''")


@pytest.mark.slow
def test_a_hundred_thousand_points_are_thinned(page: Page, server: Server, run: int) -> None:
    many = [[seq, "step_loss", seq, 1 + seq // 5000, math.sin(seq), 1_700_000_000_000] for seq in range(1, 100_001)]
    server.push(run, {**hello(run), "steps_per_epoch": 5000}, {"kind": "rows", "seq": 100_000, "rows": many, "events": []})
    visit(page, server, f"run={run}")
    has(page, "points", 100_000)
    page.wait_for_function("document.querySelector('.athanor-live .plot')?.data?.some(t => t.x?.length > 1000)")
    assert page.evaluate("Math.max(...document.querySelector('.athanor-live .plot').data.map(t => t.x.length))") <= 2000


@pytest.mark.slow
def test_a_chart_that_leaves_the_page_closes_its_socket(page: Page, server: Server, run: int) -> None:
    server.push(run, hello(run), rows(1, 2, 1))
    visit(page, server, f"run={run}")
    has(page, "points", 8)
    page.goto("about:blank")
    until(lambda: server.readers(run) == 0)


@pytest.mark.slow
def test_a_hidden_tab_closes_its_socket_and_reads_on_when_seen_again(page: Page, server: Server, run: int) -> None:
    server.push(run, hello(run), rows(1, 2, 1))
    visit(page, server, f"run={run}")
    has(page, "points", 8)
    look = """hidden => {
        Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    page.evaluate(look, True)
    until(lambda: server.readers(run) == 0)
    server.push(run, rows(3, 3, 9))
    page.evaluate(look, False)
    has(page, "points", 12)
    assert server.cursors(run) == [0, 8]


@pytest.mark.slow
def test_a_resumed_run_is_read_on_at_its_new_attempt(page: Page, server: Server, run: int) -> None:
    server.push(run, hello(run), rows(1, 2, 1), {"kind": "end"})
    visit(page, server, f"run={run}&resume=1")
    has(page, "state", "ended")
    server.forget(run)
    server.push(run, hello(run), rows(3, 3, 9))
    page.get_by_role("button", name="Run again").click()
    has(page, "state", "live")
    has(page, "points", 12)
    assert server.cursors(run) == [0, 8]


@pytest.mark.slow
def test_the_end_of_the_attempt_before_may_come_after_the_page_knows_of_the_next(page: Page, server: Server, run: int) -> None:
    server.push(run, hello(run), rows(1, 2, 1))
    visit(page, server, f"run={run}&resume=1")
    has(page, "state", "live")
    page.get_by_role("button", name="Run again").click()
    page.get_by_text("attempt 1").wait_for()
    server.push(run, {"kind": "end"})
    until(lambda: server.cursors(run) == [0, 8])
    has(page, "state", "ended")


@pytest.mark.slow
def test_a_run_that_does_not_exist_is_not_asked_for_again(page: Page, server: Server) -> None:
    visit(page, server, "run=404")
    has(page, "state", "ended")


@pytest.mark.slow
def test_a_click_on_a_label_hides_its_line(page: Page, server: Server, run: int) -> None:
    server.push(run, hello(run), rows(1, 8, 1))
    visit(page, server, f"run={run}")
    drawn(page, 8)
    page.locator(f"{CHART} .annotation-text").filter(has_text="training").click()
    page.wait_for_function("document.querySelector('.athanor-live .plot').data.some(t => t.name === 'training' && t.visible === false)")
    server.push(run, rows(9, 9, 33))
    drawn(page, 9)
    assert page.evaluate("document.querySelector('.athanor-live .plot').data.find(t => t.name === 'training').visible") is False
