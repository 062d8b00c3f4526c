"""The Data page without a servant, with its answers, with data that cannot be used; what two pages share of the form and the pictures."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from PIL import Image
from streamlit.testing.v1 import AppTest

from engine.jobs import asking
from engine.store import requests, tables
from engine.store.connect import Store
from pages.components import audit_lines
from pages.components.words import plain
from tests.pages.conftest import SHELL, read, words

Open = Callable[..., AppTest]
MARKUP = "**b** <b>x [a](javascript:b)"
PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)
OVERVIEW: dict[str, Any] = {
    "classes": ["cat", MARKUP], "class_count": 2, "counts": {"train": [700, 522], "validation": [200, 106], "test": [200, 69]},
    "totals": {"train": 1222, "validation": 306, "test": 269}, "images": 1797, "channels": 1, "resolution": 32, "official_test": False,
    "skipped": [], "skipped_count": 0, "mean_of": 1222,
    "audit": [
        {"level": "warn", "key": "data_page.audit.certainty", "fields": {"count": 306, "points": 5.6}},
        {"level": "good", "key": "data_page.audit.equal", "fields": {"classes": 2, "count": 1000}},
    ],
}  # fmt: skip
MOSAIC = {"first": 0, "names": ["cat", MARKUP], "train": [700, 522], "cuts": [len(PICTURE)] * 2}
SHEET = {"labels": ["cat"], "resolution": 32, "channels": 1, "augmentations": ["crop", "rotation"]}
ANSWERS: dict[str, tuple[Mapping[str, Any], bytes]] = {
    "overview": (OVERVIEW, PICTURE), "mosaic": (MOSAIC, PICTURE * 2), "draws": (SHEET, PICTURE), "preview": (SHEET, PICTURE),
}  # fmt: skip


def serve(store: Store, **instead: Mapping[str, Any]) -> list[str]:
    """Answer what is open as the servant would, or with what is said for a kind; which kinds were asked."""
    asked = []
    while (question := requests.take(store)) is not None:
        asked.append(question.kind)
        given = instead.get(question.kind)
        if given is not None and "key" in given:
            requests.fail(store, question.key, given)
        elif question.kind in ANSWERS:
            answer, picture = ANSWERS[question.kind]
            requests.finish(store, question.key, given or answer, picture)
    return asked


def served(page: AppTest, store: Store, **instead: Mapping[str, Any]) -> AppTest:
    """The page once it has asked for everything and has it."""
    for _ in range(3):
        serve(store, **instead)
        page.run()
        assert not page.exception, page.exception
    return page


def pictures(page: AppTest) -> list[Any]:
    return list(page.get("image"))


@contextmanager
def answering_after_a_look(store: Store, kind: str) -> Iterator[None]:
    """Answer everything right after a page has looked for its answer of this kind, still in vain."""
    with store.read() as connection:
        key = connection.execute(sa.select(tables.requests.c.key).where(tables.requests.c.kind == kind)).scalar_one()
    looks: list[str] = []

    def looked(_connection: object, _cursor: object, statement: str, given: Sequence[object], *_more: object) -> None:
        if statement.startswith("SELECT") and key in given and not looks:
            looks.append(statement)
            serve(store)

    sa.event.listen(sa.Engine, "after_cursor_execute", looked)
    try:
        yield
    finally:
        sa.event.remove(sa.Engine, "after_cursor_execute", looked)
    assert looks, "the page never looked"


def test_an_answer_that_comes_between_two_looks_is_drawn_everywhere(open_page: Open, store: Store) -> None:
    page = open_page("data")
    with answering_after_a_look(store, "overview"):
        page.run()
    assert "1,797" in read(page), "the head and the body know what the audit knows"


def test_before_a_servant_is_there_everything_has_its_place(open_page: Open, store: Store) -> None:
    page = open_page("data")
    assert "Looking at the pictures" in read(page) or "Starting the engine" in read(page)
    assert len(pictures(page)) == 1 + 10 + 1
    asked = serve(store)
    assert "overview" in asked
    assert not {"mosaic", "draws"} & set(asked), "these are asked when the first is answered"


def test_the_answers_fill_the_places(open_page: Open, store: Store) -> None:
    page = served(open_page("data"), store)
    said = read(page)
    for sentence in ("1,797 pictures of 2 classes", "**1,222** to learn from", "306 to validate: known to ±\u00a05.6 points", "over 1,222"):
        assert sentence in said
    assert ":orange[:material/info:] 306" in said
    assert "Left as it is, then eight draws: crop, turn." in said
    assert len(pictures(page)) == 1 + 2 + 1
    assert page.get("vega_lite_chart") or page.get("arrow_vega_lite_chart")
    assert serve(store) == []
    page.run()
    assert serve(store) == [], "what is known is not asked again"


def test_names_of_classes_are_text(open_page: Open, store: Store) -> None:
    said = words(served(open_page("data"), store))
    assert r"\*\*b\*\* \<b\>x" in said
    assert MARKUP not in said


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_data_that_cannot_be_used_says_so_and_shows_nothing_else(
    listener: int, store: Store, lang: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "STALE", 600.0)  # looked at again, it is what it was
    reason = {"key": "data.class_too_small", "fields": {"class_name": MARKUP, "count": 1, "needed": 3}}
    page = AppTest.from_file(SHELL, default_timeout=20)
    page.query_params["lang"] = lang
    page = served(page.switch_page("data.py").run(), store, overview=reason)
    assert r"\*\*b\*\*" in page.warning[0].value
    assert not pictures(page)
    page.button(key="look-again").click().run()
    assert page.warning


def test_pictures_that_are_still_being_read_are_asked_for_again(open_page: Open, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from pages.components import answers

    page = served(open_page("data"), store, overview={"key": "servant.pictures_late", "fields": {"name": "x"}})
    assert "Reading the pictures for the first time" in read(page)
    monkeypatch.setattr(answers, "AGAIN", 0.0)
    monkeypatch.setattr(requests, "STALE", 0.0)
    page.run()
    assert serve(store) == ["overview"]


def test_files_left_out_are_listed_with_their_reasons(open_page: Open, store: Store) -> None:
    skipped = [{"path": "wren/<i>bad.png", "reason": "data.skip_empty"}]
    page = served(open_page("data"), store, overview=OVERVIEW | {"skipped": skipped, "skipped_count": 3})
    table = page.dataframe[0].value
    assert table.to_numpy().tolist() == [["wren/<i>bad.png", "The file is empty."]]
    assert "and 2 more" in read(page)


def test_many_classes_have_pages(open_page: Open, store: Store) -> None:
    many = OVERVIEW | {"class_count": 1500}
    page = served(open_page("data"), store, overview=many)
    assert "1,498 more classes are not drawn" in read(page)
    page.session_state["classes-page"] = 7
    page.run()
    with store.read() as connection:
        asked = [row.payload["question"] for row in connection.execute(requests.requests.select())]
    assert {question["page"] for question in asked if "page" in question} == {0, 6}


def test_other_pictures_are_another_question(open_page: Open, store: Store) -> None:
    page = served(open_page("data"), store)
    page.button(key="draws-others").click().run()
    assert serve(store) == ["draws"]


def test_both_pages_say_the_same_of_the_form(open_page: Open) -> None:
    page = open_page("playground")
    page.select_slider(key="knob-resolution").set_value(64).run()
    page.select_slider(key="knob-dropout").set_value(0.7).run()
    page.switch_page("data.py").run()
    assert page.select_slider(key="knob-resolution").value == 64
    assert page.query_params["knob-dropout"] == "0.7"
    page.select_slider(key="knob-validation_share").set_value(0.3).run()
    page.segmented_control(key="knob-augmentation").set_value("light").run()
    assert page.session_state["knob-rotation"] == 5.0
    page.switch_page("playground.py").run()
    values = {name: page.session_state[f"knob-{name}"] for name in ("resolution", "dropout", "validation_share", "rotation")}
    assert values == {"resolution": 64, "dropout": 0.7, "validation_share": 0.3, "rotation": 5.0}


def test_a_link_opens_the_data_it_names(open_page: Open, store: Store) -> None:
    page = open_page("data", **{"knob-resolution": "8", "knob-rotation": "20"})
    assert page.session_state["knob-rotation"] == 20.0
    serve(store)
    with store.read() as connection:
        questions = [row.payload["question"] for row in connection.execute(requests.requests.select()) if row.kind == "overview"]
    assert questions[-1]["config"]["resolution"] == 8, "LeNet could not take it, but it can be looked at"


def test_a_finding_is_one_line_with_its_mark() -> None:
    fields = {"large": MARKUP, "small": "b", "most": 4000, "least": 10, "ratio": 400}
    line = audit_lines.line({"level": "warn", "key": "data_page.audit.imbalance", "fields": fields})
    assert line.startswith(":orange[:material/info:] ")
    assert "4,000 pictures" in line
    assert "**b**" not in line


def _strip() -> None:
    from pages.components import audit_lines, form, strip

    form.prepare()
    strip.show()
    audit_lines.show()


def test_the_strip_keeps_its_place_and_then_its_pictures(home: Any, listener: int, store: Store) -> None:
    page = AppTest.from_function(_strip, default_timeout=20).run()
    assert len(pictures(page)) == 1
    assert "Looking at the pictures" in read(page)
    assert sorted(serve(store)) == ["overview", "preview"]
    page.run()
    assert "32\u00a0×\u00a032: crop, turn" in read(page)
    assert ":green[:material/check:] 2 classes, 1,000 each, balanced" in read(page)
    before = pictures(page)[0].proto
    page.session_state["knob-resolution"] = 64
    page.run()
    assert pictures(page)[0].proto == before, "the old strip stands until the new one comes"
    assert "balanced" in read(page)
    page.session_state["knob-dataset"] = "cifar10"
    page.run()
    assert pictures(page)[0].proto != before, "other data is no old strip"
    assert "balanced" not in read(page)
    serve(store, preview={"key": "servant.not_downloaded", "fields": {"name": "cifar10"}})
    page.run()
    assert "not on this machine yet" in read(page)


def test_the_kinds_that_are_looked_at_need_no_network() -> None:
    assert all("architecture" not in asking.MATTERS[kind] for kind in asking.LOOKED_AT)


def test_a_folder_is_offered_under_its_very_name(open_page: Open, store: Store) -> None:
    for name in ("a", "b"):
        (store.home.data / "**my** [pictures]" / name).mkdir(parents=True)
        Image.new("L", (8, 8)).save(store.home.data / "**my** [pictures]" / name / "one.png")
    page = open_page("data", **{"knob-dataset": "**my** [pictures]"})
    assert "**my** [pictures]" in page.selectbox(key="knob-dataset").options
    assert [heading.value for heading in page.subheader if "my" in heading.value] == [plain("**my** [pictures]")]
