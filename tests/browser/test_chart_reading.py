"""What a person reads off the live chart: axes, panels, marks, by mouse and by keyboard, and what is saved."""

import csv
import math
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.live_chart_room import (
    CHART,
    PLOT,
    STEPS,
    Server,
    choose_axis,
    drawn,
    happened,
    has,
    hello,
    horizontal_range,
    line,
    rows,
    said,
    told,
    visit,
    zoom,
)
from tests.browser.screen import PHONE
from tests.waiting import until


@pytest.mark.slow
def test_the_curves_lie_by_epoch_step_images_or_seconds(page: Page, server: Server, run: int) -> None:
    server.push(run, hello(run), told("val_loss", [1.0, 0.8, 0.6, 0.5]))
    visit(page, server, f"run={run}")
    drawn(page, 4)
    assert line(page, "validation")["x"] == [1, 2, 3, 4]
    choose_axis(page, "step")
    assert line(page, "validation")["x"] == [18, 36, 54, 72]
    assert horizontal_range(page) == [0, 20 * STEPS]
    choose_axis(page, "images")
    assert line(page, "validation")["x"] == [576, 1152, 1728, 2304]
    choose_axis(page, "seconds")
    assert line(page, "validation")["x"] == [0, 1, 2, 3]
    page.get_by_role("button", name="Run again").click()
    page.get_by_text("clicks 1").wait_for()
    server.push(run, told("val_loss", [0.4], seq=5))
    expect(page.get_by_label("Horizontal axis")).to_have_value("seconds")


@pytest.mark.slow
def test_seconds_leave_out_what_lies_between_attempts(page: Page, server: Server, run: int) -> None:
    began, again = 1_700_000_000_000, 1_700_000_900_000
    first = {"seq": 1, "kind": "model", "step": 0, "epoch": 0, "data": {}, "time": began}
    back = {"seq": 5, "kind": "rewind", "step": 2 * STEPS, "epoch": 2, "data": {"attempt": 2}, "time": again - 5000}
    second = {**first, "seq": 6, "step": 2 * STEPS, "epoch": 2, "time": again}
    before, after = told("val_loss", [1.0, 0.8, 0.6], seq=2, pace=2000), told("val_loss", [0.0, 0.0, 0.5, 0.4], seq=5)
    after["rows"] = [
        [seq + 2, name, step, epoch, value, again + 3000 * (epoch - 2)] for seq, name, step, epoch, value, _ in after["rows"][2:]
    ]
    server.push(
        run,
        hello(run),
        {**before, "events": [first]},
        {"kind": "rows", "seq": 6, "rows": [], "events": [back, second]},
        {**after, "seq": 10},
    )
    visit(page, server, f"run={run}")
    drawn(page, 4)
    choose_axis(page, "seconds")
    assert line(page, "validation")["x"] == [2, 4, 7, 10]
    assert page.evaluate(f"{PLOT}.layout.shapes.map(s => s.x0)") == [4], "the attempt is marked where training went on"


@pytest.mark.slow
def test_images_need_to_be_known(page: Page, server: Server, run: int) -> None:
    server.push(run, {**hello(run), "train_images": None}, rows(1, 4, 1))
    visit(page, server, f"run={run}")
    drawn(page, 4)
    assert page.get_by_label("Horizontal axis").locator("option[value=images]").is_disabled()


@pytest.mark.slow
def test_two_panels_share_their_axis_and_one_read_out(page: Page, server: Server, run: int) -> None:
    server.push(run, hello(run), rows(1, 8, 1))
    visit(page, server, f"run={run}&view=both&height=420")
    drawn(page, 8)
    assert (line(page, "validation loss")["axis"], line(page, "validation accuracy")["axis"]) == ("y", "y2")
    page.locator(".athanor-live .nsewdrag").last.hover(position={"x": 100, "y": 40})
    read_out = page.locator(f"{CHART} .hoverlayer .legend")
    expect(read_out).to_have_count(1)
    expect(read_out).to_contain_text("validation loss")
    expect(read_out).to_contain_text("validation accuracy")
    server.push(run, rows(9, 9, 33))
    drawn(page, 9)
    expect(read_out).to_contain_text("training accuracy")


@pytest.mark.slow
def test_a_drop_of_the_learning_rate_is_marked_and_a_smooth_fall_is_not(page: Page, server: Server, run: int) -> None:
    steps = [1e-3] * 6 + [1e-4] * 4
    smooth = [1e-3 * (1 + math.cos(math.pi * epoch / 10)) / 2 for epoch in range(1, 11)]
    losses = [1 / epoch for epoch in range(1, 11)]
    server.push(run, hello(run), told("val_loss", losses), told("learning_rate", steps, seq=11))
    visit(page, server, f"run={run}")
    expect(page.locator(f"{CHART} .annotation-text").filter(has_text="learning rate 1e-3 → 1e-4")).to_be_visible()
    assert page.evaluate(f"{PLOT}.layout.shapes.map(s => s.x0)") == [6]
    server.push(run + 1000, hello(run), told("val_loss", losses), told("learning_rate", smooth, seq=11))
    visit(page, server, f"run={run + 1000}")
    drawn(page, 10)
    assert not [words for words in said(page) if "learning rate" in words]


@pytest.mark.slow
def test_a_change_of_the_verdict_is_marked_with_its_title(page: Page, server: Server, run: int) -> None:
    changes = [
        happened(40 + epoch, "verdict", epoch, name=name, since_epoch=None)
        for epoch, name in ((3, "healthy"), (5, "healthy"), (7, "overfitting"))
    ]
    server.push(run, hello(run), rows(1, 8, 1), *changes)
    visit(page, server, f"run={run}&language=zh")
    drawn(page, 8)
    from engine.strings import say

    until(lambda: say("verdict.overfitting.title", "zh") in said(page))
    assert page.evaluate(f"{PLOT}.layout.shapes.map(s => s.x0)") == [7]


@pytest.mark.slow
def test_words_never_lie_over_each_other(page: Page, server: Server, run: int) -> None:
    names = ("healthy", "watch", "overfitting")
    verdicts = [happened(100 + epoch, "verdict", epoch, name=names[epoch % 3], since_epoch=None) for epoch in range(1, 9)]
    rates = told("learning_rate", [1e-1, 1e-1, 1e-2, 1e-2, 1e-3, 1e-3, 1e-4, 1e-4], seq=60)
    server.push(run, hello(run, epochs=60), rows(1, 8, 1), rates, *verdicts, happened(200, "rewind", 7, attempt=2))
    visit(page, server, f"run={run}")
    page.wait_for_function(f"{PLOT}?.layout?.annotations?.some(a => a.text === 'attempt 2')")
    boxes = page.evaluate("""() => [...document.querySelectorAll(".athanor-live .annotation-text")].map(text => {
        const { left, right, top, bottom } = text.getBoundingClientRect();
        return { text: text.textContent, left, right, top: top + 2, bottom: bottom - 2 };
    })""")
    over = [
        (a["text"], b["text"])
        for at, a in enumerate(boxes)
        for b in boxes[:at]
        if a["left"] < b["right"] and b["left"] < a["right"] and a["top"] < b["bottom"] and b["top"] < a["bottom"]
    ]
    assert over == []
    dots = page.locator(f"{CHART} .annotation-text").filter(has_text="●")
    assert dots.count() > 0, "there is no room for so many words"
    dots.first.hover()
    expect(page.locator(f"{CHART} .hoverlayer .hovertext")).to_be_visible()


@pytest.mark.slow
def test_the_best_epoch_is_drawn_however_many_there_are(page: Page, server: Server, run: int) -> None:
    losses = [2 + math.sin(epoch) for epoch in range(1, 9001)]
    losses[4999] = 0.1
    accuracies = [0.5 + 0.1 * math.sin(epoch) for epoch in range(1, 9001)]
    server.push(run, hello(run, epochs=9000), told("val_loss", losses), told("val_accuracy", accuracies, seq=9001))
    visit(page, server, f"run={run}&view=accuracy")
    has(page, "drawn", 18_000)
    assert 5000 in line(page, "validation")["x"]
    assert len(line(page, "validation")["x"]) <= 2000
    assert page.evaluate(f"{PLOT}.data.find(t => t.marker?.symbol === 'star').x") == [5000]


@pytest.mark.slow
def test_a_curve_that_grew_is_the_curve_read_at_once(page: Page, server: Server, run: int) -> None:
    values: list[float | None] = [None if epoch % 997 == 0 else 2 + math.sin(epoch / 50) + math.sin(epoch) / 5 for epoch in range(1, 6001)]
    whole = told("val_loss", values)
    server.push(run, hello(run, epochs=6000), {**whole, "rows": whole["rows"][:5900], "seq": 5900})
    visit(page, server, f"run={run}")
    for last in range(5910, 6001, 10):
        server.push(run, {**whole, "rows": whole["rows"][last - 10 : last], "seq": last})
        has(page, "points", last)
        page.wait_for_function(f"{PLOT}.data?.some(t => t.x.at(-1) === {last})")
    grown = line(page, "validation")
    visit(page, server, f"run={run}")
    has(page, "points", 6000)
    page.wait_for_function(f"{PLOT}.data?.some(t => t.name === 'validation' && t.x.at(-1) === 6000)")
    assert line(page, "validation") == grown


@pytest.mark.slow
def test_a_hundred_thousand_epochs_are_drawn_with_two_thousand_points_and_read_closer(page: Page, server: Server, run: int) -> None:
    server.push(run, hello(run, epochs=100_000), told("val_loss", [2 + math.sin(epoch) for epoch in range(1, 100_001)]))
    visit(page, server, f"run={run}")
    has(page, "drawn", 100_000)
    assert 1000 < len(line(page, "validation")["x"]) <= 2000
    page.locator(f"{CHART} .stage").focus()
    for _ in range(7):
        page.keyboard.press("+")
    page.wait_for_function(f"{PLOT}.layout.xaxis.range[1] - {PLOT}.layout.xaxis.range[0] < 1000")
    seen = line(page, "validation")["x"]
    assert seen == list(range(int(seen[0]), int(seen[-1]) + 1)), "close by, every epoch is drawn"


@pytest.mark.slow
def test_the_keyboard_reads_zooms_and_follows_again(page: Page, server: Server, run: int) -> None:
    server.push(run, hello(run), rows(1, 8, 1))
    visit(page, server, f"run={run}")
    drawn(page, 8)
    page.locator(f"{CHART} .stage").focus()
    told_now = page.locator(f"{CHART} [aria-live=polite]")
    page.keyboard.press("ArrowLeft")
    expect(told_now).to_have_text("epoch 8: training 0.271, validation 0.571.")
    page.keyboard.press("ArrowLeft")
    expect(told_now).to_contain_text("epoch 7:")
    expect(page.locator(f"{CHART} .hoverlayer")).to_contain_text("epoch 7")
    page.keyboard.press("Home")
    expect(told_now).to_contain_text("epoch 1:")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("+")
    page.wait_for_function(f"{PLOT}.layout.xaxis.range[1] < 20")
    page.keyboard.press("End")
    expect(told_now).to_contain_text("epoch 8:")
    server.push(run, rows(9, 9, 33))
    drawn(page, 9)
    expect(page.locator(f"{CHART} .hoverlayer")).to_contain_text("epoch 8")
    page.keyboard.press("Escape")
    page.wait_for_function(f"{PLOT}.layout.xaxis.range[1] === 20")


def saved(page: Page, name: str, folder: Path) -> Path:
    with page.expect_download() as download:
        page.get_by_role("button", name=name).click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


@pytest.mark.slow
def test_what_is_seen_is_saved_as_numbers_and_as_a_picture(page: Page, server: Server, run: int, tmp_path: Path) -> None:
    server.push(run, hello(run, "=HYPERLINK(1)"), rows(1, 12, 1))
    visit(page, server, f"run={run}")
    drawn(page, 12)
    page.locator(f"{CHART} .annotation-text").filter(has_text="training").click()
    page.wait_for_function(f"{PLOT}.data.some(t => t.name === 'training' && t.visible === false)")
    first, last = zoom(page)
    table = saved(page, "Save as numbers", tmp_path)
    assert table.name == f"run-{run}-loss.csv"
    with table.open(newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    epochs = [epoch for epoch in range(1, 13) if first <= epoch <= last]
    assert [(row["series"], int(row["epoch"])) for row in found] == [("val_loss", epoch) for epoch in epochs]
    assert {row["run"] for row in found} == {"'=HYPERLINK(1)"}
    assert [float(row["value"]) for row in found] == [2 * math.exp(-epoch / 4) + 0.3 for epoch in epochs]
    assert [(int(row["step"]), int(row["images"])) for row in found] == [(STEPS * epoch, 576 * epoch) for epoch in epochs]
    picture = saved(page, "Save as picture", tmp_path)
    assert picture.name == f"run-{run}-loss.png"
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_a_phone_has_a_low_chart_and_two_rows_of_controls(page: Page, server: Server, run: int) -> None:
    page.set_viewport_size(PHONE)
    server.push(run, hello(run), rows(1, 8, 1))
    visit(page, server, f"run={run}&phone=1")
    drawn(page, 8)
    sizes: Any = page.evaluate("""() => ({
        wide: document.documentElement.scrollWidth,
        plot: document.querySelector(".athanor-live .plot").offsetHeight,
        rows: new Set([...document.querySelectorAll(".athanor-live .controls :is(button, select)")].map(each => each.offsetTop)).size,
        over: [...document.querySelectorAll(".athanor-live .controls *")]
            .filter(each => each.getBoundingClientRect().right > innerWidth).length,
    })""")
    assert sizes == {"wide": 390, "plot": 186, "rows": 2, "over": 0}
