"""Runs over each other in the live chart: few questions, one socket for each run under way, groups as means, one line lifted."""

import math
from itertools import pairwise

import pytest
from playwright.sync_api import Page, expect

from tests.browser.live_chart_room import CHART, PLOT, Server, choose_axis, drawn, has, hello, line, rows, told, visit

END = {"kind": "end"}


def ended(server: Server, first: int, count: int) -> list[int]:
    """Runs that are over, each a little worse than the one before."""
    numbers = list(range(first, first + count))
    for rank, run in enumerate(numbers):
        server.push(run, hello(run, f"run {run}"), told("val_loss", [1 / epoch + rank / 10 for epoch in range(1, 11)]), END)
    return numbers


@pytest.mark.slow
def test_ended_runs_come_in_one_answer_and_those_under_way_by_socket(page: Page, server: Server, run: int) -> None:
    over, going = ended(server, 1000 * run, 12), 1000 * run + 50
    server.push(going, hello(going, "going"), told("val_loss", [1.0, 0.9]))
    visit(page, server, f"overlays={','.join(map(str, [*over, going]))}")
    has(page, "points", 122)
    has(page, "state", "live")
    assert server.questions()[-1] == 13
    assert [server.cursors(number) for number in over] == [[]] * 12
    server.push(going, told("val_loss", [1.0, 0.9, 0.8]), END)
    has(page, "points", 123)
    has(page, "state", "ended")


@pytest.mark.slow
def test_training_curves_come_where_they_are_drawn(page: Page, server: Server, run: int) -> None:
    numbers = list(range(1000 * run, 1000 * run + 9))
    for number in numbers:
        server.push(number, hello(number), rows(1, 5, 1), END)
    for count, series in ((8, 4), (9, 2)):
        visit(page, server, f"overlays={','.join(map(str, numbers[:count]))}")
        has(page, "drawn", count * series * 5)
        assert page.evaluate(f"{PLOT}.data.filter(trace => trace.line?.dash === '5px 5px').length") == (count if series == 4 else 0)


@pytest.mark.slow
def test_many_lines_show_the_one_that_the_mouse_is_on(page: Page, server: Server, run: int) -> None:
    over = ended(server, 1000 * run, 12)
    visit(page, server, f"overlays={','.join(map(str, over))}")
    has(page, "drawn", 120)
    assert [trace["dash"] for trace in (line(page, f"run {over[0]}"), line(page, f"run {over[6]}"))] == ["solid", "2px 3px"]
    assert line(page, f"run {over[0]}")["colour"] == line(page, f"run {over[6]}")["colour"]
    at = page.evaluate(f"(() => {{ const {{ xaxis, yaxis }} = {PLOT}._fullLayout; return [xaxis.d2p(5), yaxis.d2p(1 / 5 + 0.4)]; }})()")
    page.locator(".athanor-live .nsewdrag").hover(position={"x": at[0] + 1, "y": at[1] + 1})
    has(page, "lifted", f"run {over[4]}")
    expect(page.locator(f"{CHART} .hoverlayer")).to_contain_text(f"run {over[4]}")
    expect(page.locator(f"{CHART} .scatterlayer > .trace.lifted")).to_have_count(1)
    widths = page.evaluate("""() => [".lifted", ":not(.lifted)"].map(which =>
        parseFloat(getComputedStyle(document.querySelector(`.athanor-live .scatterlayer > .trace${which} .js-line`)).strokeWidth))""")
    assert widths[0] > 2 * widths[1]


@pytest.mark.slow
def test_the_keyboard_goes_from_run_to_run(page: Page, server: Server, run: int) -> None:
    over = ended(server, 1000 * run, 10)
    visit(page, server, f"overlays={','.join(map(str, over))}")
    has(page, "drawn", 100)
    page.locator(f"{CHART} .stage").focus()
    page.keyboard.press("ArrowUp")
    has(page, "lifted", f"run {over[0]}")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("End")
    expect(page.locator(f"{CHART} [aria-live=polite]")).to_have_text(f"epoch 10: run {over[1]} 0.200.")


@pytest.mark.slow
def test_a_group_is_its_mean_with_an_interval_where_two_runs_have_values(page: Page, server: Server, run: int) -> None:
    first, second, alone = (1000 * run + at for at in range(3))
    server.push(first, hello(first), told("val_loss", [1.0, 0.8, 0.6, 0.5]), END)
    server.push(second, hello(second), told("val_loss", [1.2, 0.9, 0.8]), END)
    server.push(alone, hello(alone), told("val_loss", [2.0, 1.5]), END)
    visit(page, server, f"groups=wide:{first},{second};narrow:{alone}")
    drawn(page, 4)
    assert line(page, "wide")["y"] == pytest.approx([1.1, 0.85, 0.7, 0.5])
    assert line(page, "narrow")["y"] == [2.0, 1.5]
    assert line(page, "wide")["colour"] != line(page, "narrow")["colour"]
    band = page.evaluate(f"(() => {{ const t = {PLOT}.data.find(t => t.fill === 'toself'); return [t.x, t.y]; }})()")
    assert band[0] == [1, 2, 3, 3, 2, 1, None]
    student = 12.7062  # 97.5 % of Student's t with one degree of freedom
    half = student * math.sqrt(0.02 / 2)
    assert [band[1][0], band[1][5]] == pytest.approx([1.1 + half, 1.1 - half])
    page.locator(".athanor-live .nsewdrag").hover(position={"x": 4, "y": 60})
    expect(page.locator(f"{CHART} .hoverlayer")).to_contain_text("1.100 ±\u00a01.271 (95\u00a0%, 2 runs)")
    choose_axis(page, "step")
    assert line(page, "wide")["x"] == [18, 36, 54, 72]


@pytest.mark.slow
def test_words_at_the_ends_stay_beside_the_plot(page: Page, server: Server, run: int) -> None:
    numbers = list(range(1000 * run, 1000 * run + 8))
    for number in numbers:
        server.push(number, hello(number, f"run {number}"), rows(1, 9, 1), END)
    visit(page, server, f"overlays={','.join(map(str, numbers))}")
    drawn(page, 9)
    boxes: list[list[float]] = page.evaluate("""() => [...document.querySelectorAll(".athanor-live .annotation-text")]
        .filter(text => text.textContent.startsWith("run"))
        .map(text => text.getBoundingClientRect())
        .map(({ top, bottom }) => [top, bottom])
        .sort(([a], [b]) => a - b)""")
    floor = page.evaluate("document.querySelector('.athanor-live .nsewdrag').getBoundingClientRect().bottom")
    assert len(boxes) == 8
    assert all(above[1] <= below[0] + 3 for above, below in pairwise(boxes))
    assert boxes[-1][1] <= floor + 10
