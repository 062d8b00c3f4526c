"""The servant between real processes: it answers, shares, refuses what is wrong, dies and is followed. One room for most."""

import io
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from engine import faults
from engine.config import CONFIG_VERSION, RunConfig
from engine.errors import BadInput
from engine.jobs import asking, bell
from engine.jobs.terms import SERVANT
from engine.store import attempts, keeping, requests, runs, transitions
from engine.store.connect import Store
from engine.store.requests import Question
from engine.store.runs import New
from tests.servant_room import ServantRoom
from tests.waiting import until

SMALL = {"resolution": 16, "width": 0.25}


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServantRoom]:
    room = ServantRoom(tmp_path_factory.mktemp("room"))
    room.start()
    until(room.there)
    yield room
    room.close()


@pytest.fixture(scope="module")
def trained(room: ServantRoom) -> int:
    """A run with a checkpoint of its best epoch, made in this process."""
    import torch

    from engine.data.loading import load
    from engine.data.resident import Resident
    from engine.data.split import split
    from engine.models.building import build
    from engine.training import checkpoints
    from engine.training.checkpoints import Extra
    from engine.training.loop import Training
    from engine.training.numerics import choose

    config = RunConfig.from_flat({**SMALL, "device": "cpu", "precision": "exact"})
    number = runs.create(room.store, New("digits", config.model_dump(mode="json"), CONFIG_VERSION))
    claim = transitions.claim(room.store)
    assert claim is not None
    dataset = load(config.data, [], room.home.cache)
    data = Resident.load(dataset, split(dataset, config.data), "cpu")
    torch.manual_seed(0)
    numerics = choose(config, 1)
    training = Training(build(config.model, 1, 10, 16), data, config, numerics)
    run = training.run()
    for _ in range(20):
        next(run)
    facts = {
        "config": config.model_dump(mode="json"), "numerics": numerics.as_dict(), "classes": list(data.classes), "channels": 1,
        "mean": data.mean.flatten().tolist(), "std": data.std.flatten().tolist(),
    }  # fmt: skip
    room.home.checkpoints(number).mkdir(parents=True)
    written = checkpoints.save(room.home.checkpoints(number), "000000020-1", training.live, training.state(), Extra(facts))
    with room.store.write() as connection:
        keeping.keep(connection, claim, [keeping.Kept(**vars(written), best=True)])
    return number


def picture(folder: Path, name: str = "five.png", size: tuple[int, int] = (40, 30)) -> str:
    Image.effect_noise(size, 80).convert("RGB").save(folder / name)
    return str(folder / name)


def test_facts_of_a_network(room: ServantRoom) -> None:
    answer = room.ask("facts", config=SMALL)
    assert answer.state == "done"
    assert answer.answer is not None
    assert answer.answer["channels"] == 1
    assert answer.answer["parameters"] > 0
    assert answer.answer["flops"] > 0


def test_equal_questions_share_an_answer_and_knobs_that_do_not_matter_make_no_other(room: ServantRoom) -> None:
    first = room.ask("facts", config=SMALL)
    second = room.ask("facts", config={**SMALL, "learning_rate": 0.3, "resolution": "16"})
    other = room.ask("facts", config={**SMALL, "width": 0.5})
    assert second == first
    deeper = room.ask("facts", config={**SMALL, "hidden": 40})
    again = room.ask("facts", config={**SMALL, "initialisation": "xavier", "dropout": 0.7})
    assert len({first.key, other.key, deeper.key}) == 3
    assert again == first


def test_a_probe_of_the_default_config(room: ServantRoom) -> None:
    assert room.ask("preview", config={}).state == "done"  # so the pictures are there
    answer = room.ask("probe", config={})
    assert answer.answer is not None, answer.reason
    told = answer.answer
    speed, memory = told["speed"], told["memory"]
    print(f"\nprobe: {told['took']:.2f} s, {speed['measured']:.0f} images/s, {memory['peak'] / 2**20:.1f} MB, beside {told['beside']}")
    assert told["data"] == "real"
    assert len(told["candidates"]) + len(told["left_out"]) == 4


@pytest.mark.slow
def test_a_quick_question_does_not_wait_for_a_measurement(room: ServantRoom) -> None:
    slow = asking.ask(room.store, "probe", {"config": {"architecture": "resnet18", "resolution": 64, "width": 0.5}})
    until(lambda: (found := asking.answer(room.store, slow)) is not None and found.state == "working")
    quick = room.ask("facts", config={"resolution": 48})
    assert quick.state == "done"
    done = asking.wait(room.store, slow, 120.0)
    assert done is not None
    assert done.state == "done", done.reason
    assert quick.answered_at is not None and done.answered_at is not None
    assert quick.answered_at < done.answered_at


def test_a_preview_is_eight_pictures_and_the_same_every_time(room: ServantRoom) -> None:
    config = {**SMALL, "rotation": 20.0}
    one = room.ask("preview", config=config)
    assert one.picture is not None, one.reason
    assert one.answer is not None
    assert Image.open(io.BytesIO(one.picture)).size == (476, 234)
    assert len(one.answer["labels"]) == 8
    other = room.ask("preview", config={**config, "crop": 0.1})
    assert other.picture != one.picture
    assert other.answer == one.answer | {"augmentations": ["crop", "rotation"]}
    requests.put(room.store, Question("again", "preview", {"config": config}))
    bell.ring(room.home.servant_bell)
    again = asking.wait(room.store, "again", 120.0)
    assert again is not None
    assert again.picture == one.picture


def test_pictures_are_predicted_and_the_unreadable_named(room: ServantRoom, trained: int, tmp_path: Path) -> None:
    good, pipe, text = picture(tmp_path), tmp_path / "pipe", tmp_path / "text.png"
    os.mkfifo(pipe)
    text.write_text("no picture")
    files = [good, str(pipe), "/dev/zero", str(tmp_path), str(text), str(tmp_path / "none.png")]
    answer = room.ask("predict", run=trained, images=files)
    assert answer.answer is not None, answer.reason
    first, *others = answer.answer["images"]
    assert len(first["best"]) == 5
    assert [name for name, _ in first["best"]] != []
    assert all(0 <= p <= 1 for _, p in first["best"])
    assert first["best"] == sorted(first["best"], key=lambda one: -one[1])
    assert [one["path"] for one in others] == files[1:]
    odd, unreadable = "servant.no_plain_file", "data.skip_unreadable"
    assert [one["reason"]["key"] for one in others] == [odd, odd, odd, "data.skip_not_a_picture", unreadable]


def test_a_picture_that_has_changed_is_looked_at_again(room: ServantRoom, trained: int, tmp_path: Path) -> None:
    keys = [room.ask("predict", run=trained, images=[picture(tmp_path, size=size)]).key for size in [(40, 30), (30, 30)]]
    assert keys[0] != keys[1]


@pytest.mark.parametrize(
    ("kind", "payload", "key"),
    [
        ("facts", {"config": {"width": 99}}, "errors.knob_out_of_range"),
        ("facts", {"config": {"wings": 2}}, "errors.unknown_knob"),
        ("facts", {"config": {"architecture": "resnet18", "weights": "imagenet", "plan": "last"}}, "errors.drawn_before_last"),
        ("facts", {"config": 5}, "servant.bad_question"),
        ("facts", {}, "servant.bad_question"),
        ("probe", {"config": {"dataset": "nowhere"}}, "data.folder_missing"),
        ("probe", {"config": {"dataset": "../etc"}}, "data.folder_refused"),
        ("preview", {"config": {"dataset": "cifar10"}}, "servant.not_downloaded"),
        ("preview", {"config": {}, "index": -1}, "servant.bad_question"),
        ("preview", {"config": {}, "index": 10**30}, "servant.bad_question"),
        ("predict", {"run": 999, "images": ["/a.png"]}, "errors.no_such_run"),
        ("predict", {"run": "1", "images": ["/a.png"]}, "servant.bad_images"),
        ("predict", {"run": 10**30, "images": ["/a.png"]}, "servant.bad_images"),
        ("predict", {"run": 1, "images": []}, "servant.bad_images"),
        ("predict", {"run": 1, "images": [{"a": 1}]}, "servant.bad_images"),
    ],
)
def test_what_cannot_be_answered_is_told(room: ServantRoom, kind: asking.Kind, payload: dict[str, Any], key: str) -> None:
    answer = room.ask(kind, **payload)
    assert (answer.state, answer.answer) == ("failed", None)
    assert answer.reason is not None
    assert answer.reason["key"] == key
    assert room.there()


def test_a_run_without_a_checkpoint_says_so(room: ServantRoom, trained: int) -> None:
    number = runs.create(room.store, New("young", RunConfig().model_dump(mode="json"), CONFIG_VERSION))
    answer = room.ask("predict", run=number, images=["/a.png"])
    assert answer.reason == {"key": "servant.no_checkpoint", "fields": {"run": number}}


@pytest.mark.parametrize("payload", [{"config": {"dataset": "\udcff"}}, {"config": {}, "index": float("nan")}, {"config": {1}}])
def test_what_is_no_plain_data_is_not_even_asked(room: ServantRoom, payload: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match="cannot be asked"):
        asking.ask(room.store, "preview", payload)


@pytest.mark.slow
def test_it_goes_when_its_standard_input_ends_and_leaves_no_name(tmp_path: Path) -> None:
    room = ServantRoom(tmp_path)
    process = room.start()
    until(room.there)
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(60) == 0
    assert attempts.presence(room.store, SERVANT) is None
    room.close()


def put(store: Store, key: str) -> None:
    requests.put(store, Question(key, "facts", {"config": SMALL}))


@pytest.mark.slow
def test_it_goes_from_the_middle_of_an_answer_and_gives_the_question_back(tmp_path: Path) -> None:
    room, hold = ServantRoom(tmp_path / "home"), tmp_path / "hold"
    put(room.store, "a")
    hold.touch()
    process = room.start(**{faults.VARIABLE: f"servant.answer=wait~{hold}"})
    until(lambda: (found := requests.read(room.store, "a")) is not None and found.state == "working")
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(60) == 0
    found = requests.read(room.store, "a")
    assert found is not None
    assert found.state == "waiting"
    room.close()


@pytest.mark.slow
def test_a_question_that_kills_is_asked_once_more_and_then_failed(tmp_path: Path) -> None:
    room = ServantRoom(tmp_path)
    put(room.store, "deadly")
    for _ in range(2):
        assert room.start(**{faults.VARIABLE: "servant.answer=kill"}).wait(120) == -signal.SIGKILL
    put(room.store, "harmless")
    room.start()
    harmless, deadly = (asking.wait(room.store, key, 120.0) for key in ("harmless", "deadly"))
    assert harmless is not None
    assert deadly is not None
    assert harmless.state == "done"
    assert (deadly.state, deadly.reason) == ("failed", {"key": "servant.died", "fields": {}})
    room.close()


@pytest.mark.slow
def test_an_error_in_our_own_code_is_told_and_survived(tmp_path: Path) -> None:
    room = ServantRoom(tmp_path)
    put(room.store, "a")
    room.start(**{faults.VARIABLE: "servant.answer=raise"})
    failed = asking.wait(room.store, "a", 120.0)
    assert failed is not None
    assert failed.reason == {"key": "servant.failed", "fields": {"type": "Provoked", "message": "servant.answer"}}
    assert room.ask("facts", config=SMALL).state == "done"
    room.close()


@pytest.mark.slow
def test_a_range_test_suggests_a_rate_and_does_not_ask_again_for_another_schedule(room: ServantRoom) -> None:
    config = {**SMALL, "width": 1.0}
    found = room.ask("range", config=config)
    assert found.answer is not None, found.reason
    assert 1e-4 < found.answer["suggested"] < 1e-1
    assert len(found.answer["rates"]) == len(found.answer["losses"])
    assert room.ask("range", config={**config, "schedule": "cosine", "learning_rate": 0.5, "epochs": 3}).key == found.key
    assert room.ask("range", config={**config, "seed": 1}).key != found.key


def test_a_folder_that_changed_is_looked_at_anew_whatever_the_weights(room: ServantRoom) -> None:
    folder = room.home.root / "data" / "seen"
    for name in ("cat", "dog"):
        (folder / name).mkdir(parents=True)
        Image.new("L", (8, 8)).save(folder / name / "1.png")
    asked = {"config": {**SMALL, "dataset": "seen", "weights": "run:99"}}
    before = asking.ask(room.store, "facts", asked)
    assert asking.ask(room.store, "facts", asked) == before
    (folder / "owl").mkdir()
    assert asking.ask(room.store, "facts", asked) != before


def test_the_layers_of_a_network_add_up_to_its_facts(room: ServantRoom) -> None:
    whole, found = room.ask("facts", config=SMALL).answer, room.ask("layers", config={**SMALL, "learning_rate": 0.3}).answer
    assert whole is not None and found is not None
    assert {name: found[name] for name in ("parameters", "flops")} == {name: whole[name] for name in ("parameters", "flops")}
    assert found["architecture"] == "lenet"
    assert sum(layer["flops"] for layer in found["layers"]) == found["flops"]
    refused = room.ask("layers", config={**SMALL, "architecture": "vgg11"})
    assert refused.reason is not None and refused.reason["key"] == "errors.resolution_too_small"
