"""Questions about the data to a real servant: counts, classes, draws; hostile folders end in a sentence."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from engine import strings
from engine.jobs import asking
from engine.jobs.asking import Kind
from tests.servant_room import ServantRoom
from tests.waiting import until

pytestmark = pytest.mark.slow

MARKUP = "**b** <b>x [a](javascript:b)"


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServantRoom]:
    room = ServantRoom(tmp_path_factory.mktemp("room"))
    room.start()
    until(room.there)
    yield room
    room.close()


def tree(room: ServantRoom, name: str, classes: dict[str, int], size: tuple[int, int] = (9, 7)) -> Path:
    """A folder of noise under the data root."""
    noise = np.random.default_rng(len(name))
    for class_name, count in classes.items():
        folder = room.home.data / name / class_name
        folder.mkdir(parents=True)
        for place in range(count):
            Image.fromarray(noise.integers(0, 256, (*size, 3), dtype=np.uint8)).save(folder / f"{place}.png")
    return room.home.data / name


def told(room: ServantRoom, kind: Kind, config: dict[str, Any], **more: int) -> tuple[dict[str, Any], bytes]:
    answer = room.ask(kind, config=config, **more)
    assert answer.answer is not None, answer.reason
    assert answer.picture is not None
    return answer.answer, answer.picture


def test_the_overview_of_digits(room: ServantRoom) -> None:
    answer, picture = told(room, "overview", {"resolution": 8})
    assert answer["totals"] == {"train": 1222, "validation": 306, "test": 269}
    assert [finding["level"] for finding in answer["audit"]] == ["warn", "good", "good"]
    assert Image.open(io.BytesIO(picture)).size == (280, 280)


def test_knobs_that_change_no_count_share_the_overview(room: ServantRoom) -> None:
    keys = {
        room.ask("overview", config={"resolution": 8, **other}).key for other in ({}, {"crop": 0.2, "seed": 4}, {"architecture": "vgg16"})
    }
    assert len(keys) == 1
    assert room.ask("overview", config={"resolution": 8, "train_share": 0.5}).key not in keys


def test_the_rows_of_a_mosaic_are_pictures_of_their_own(room: ServantRoom) -> None:
    answer, picture = told(room, "mosaic", {"resolution": 8}, page=0)
    ends = np.cumsum(answer["cuts"])
    rows = [picture[end - cut : end] for cut, end in zip(answer["cuts"], ends, strict=True)]
    assert ends[-1] == len(picture)
    assert len({Image.open(io.BytesIO(row)).size for row in rows}) == 1
    assert answer["names"] == [str(place) for place in range(10)]


def test_draws_differ_by_their_number_and_are_the_same_again(room: ServantRoom) -> None:
    config = {"resolution": 8, "rotation": 20.0}
    one, other = (told(room, "draws", config, index=index)[1] for index in (0, 1))
    assert one != other
    assert told(room, "draws", {**config, "learning_rate": 0.1}, index=0)[1] == one


def test_names_with_markup_and_skipped_files_are_told_as_they_are(room: ServantRoom) -> None:
    folder = tree(room, "birds", {MARKUP: 30, "wren": 30})
    (folder / "wren" / "<i>bad.png").write_bytes(b"<html>")
    answer, _ = told(room, "overview", {"dataset": "birds"})
    assert MARKUP in answer["classes"]
    assert answer["skipped"] == [{"path": "wren/<i>bad.png", "reason": "data.skip_not_a_picture"}]


@pytest.mark.parametrize(
    ("name", "classes", "key"),
    [
        ("lonely", {"a": 5, "b": 1}, "data.class_too_small"),
        ("empty", {"a": 5, "b": 0}, "data.class_too_small"),
        ("single", {MARKUP: 5}, "data.one_class"),
    ],
)
def test_a_folder_that_is_unfit_ends_in_a_sentence(room: ServantRoom, name: str, classes: dict[str, int], key: str) -> None:
    tree(room, name, classes)
    for kind in asking.LOOKED_AT:
        answer = room.ask(kind, config={"dataset": name})  # type: ignore[arg-type]
        assert answer.reason is not None
        assert answer.reason["key"] == key
        assert strings.reason(answer.reason, "zh")


def test_pictures_as_wide_as_a_ribbon_are_shown_or_refused_in_a_sentence(room: ServantRoom) -> None:
    tree(room, "ribbons", {"a": 4, "b": 4}, size=(1, 5000))
    answer = room.ask("mosaic", config={"dataset": "ribbons"}, page=0)
    assert answer.picture or strings.reason(answer.reason)


@pytest.mark.parametrize(
    ("kind", "payload", "key"),
    [
        ("mosaic", {"config": {}, "page": -1}, "servant.bad_question"),
        ("mosaic", {"config": {}, "page": "2"}, "servant.bad_question"),
        ("draws", {"config": {}, "index": 10**30}, "servant.bad_question"),
        ("overview", {"config": 5}, "servant.bad_question"),
        ("overview", {"config": {"wings": 2}}, "errors.unknown_knob"),
        ("overview", {"config": {"dataset": "../etc"}}, "data.folder_refused"),
        ("overview", {"config": {"dataset": "nowhere"}}, "data.folder_missing"),
        ("overview", {"config": {"dataset": "cifar10"}}, "servant.not_downloaded"),
    ],
)
def test_what_cannot_be_looked_at_is_told(room: ServantRoom, kind: Kind, payload: dict[str, Any], key: str) -> None:
    answer = room.ask(kind, **payload)
    assert answer.reason is not None
    assert answer.reason["key"] == key
