"""What was saved comes back bit for bit, a resumed run is the run that was never interrupted, and damage is refused."""

import dataclasses
import hashlib
import json
import os
import random
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from engine.config import KNOBS, RunConfig
from engine.training import checkpoints
from engine.training.checkpoints import BadCheckpoint, BadFolder, Extra, Written, left_over, load, require_fit, restore, save
from engine.training.happenings import EpochDone, Happening, State, StepDone, Stop
from engine.training.loop import Training
from tests.training.short_runs import begin, digits, epochs, follow, misled, network, same_weights, settings

FILES = ("last.weights.safetensors", "last.state.safetensors", "last.json")


def interrupted(training: Training, step: int, folder: Path) -> list[Happening]:
    """Run until `step` is done, save, stop."""

    def answer(happening: Happening) -> Stop | None:
        if not isinstance(happening, StepDone) or happening.step != step:
            return None
        save(folder, "last", training.live, training.state())
        return Stop()

    return follow(training, answer)[0]


def resumed(config: RunConfig, folder: Path) -> Training:
    checkpoint = load(folder, "last")
    training = begin(config, digits(config.data.resolution), checkpoint.state)
    restore(checkpoint, training.live)
    return training


@cache
def uninterrupted(config: RunConfig) -> tuple[Training, list[dict[str, float]]]:
    """The run at its end and what its epochs measured, for every test that holds another against it."""
    whole = begin(config, digits(config.data.resolution))
    happened, _ = follow(whole)
    return whole, list(map(timeless, epochs(happened)))


def timeless(done: EpochDone) -> dict[str, float]:
    return {name: value for name, value in done.metrics.items() if name not in {"epoch_seconds", "images_per_second"}}


RUNS = {
    "adam, dropout, augmentation": settings(dropout=0.3, crop=0.1, rotation=10.0, schedule="cosine", early_stopping=5, epochs=3),
    "sgd, accumulation, decay": settings(optimizer="sgd", learning_rate=0.03, batch_size=10, accumulation=3, weight_decay=0.01, epochs=3),
    "rmsprop, l1": settings(optimizer="rmsprop", l1=1e-4, epochs=3),
    "adamw, no momentum kept, batch norm": settings(optimizer="adamw", architecture="resnet18", width=0.125, dropout=0.2, epochs=3),
    "fused adam, bf16, channels last": settings(precision="auto", architecture="resnet18", width=0.125, dropout=0.2, epochs=3),
    "fused sgd, channels last": settings(precision="auto", optimizer="sgd", learning_rate=0.03, epochs=3),
    "sgd, nesterov, clipped, averaged": settings(
        optimizer="sgd", nesterov="on", learning_rate=0.05, clip=0.5, ema=0.9, weight_decay=0.01, decay_all="on", epochs=3
    ),
    "nadam, averaged, stochastic depth": settings(
        optimizer="nadam", architecture="resnet18", width=0.125, stochastic_depth=0.5, norm_momentum=0.3, ema=0.9, epochs=3
    ),
    "fused adagrad, averaged, bf16, channels last": settings(
        precision="auto", optimizer="adagrad", architecture="mobilenet_v2", width=0.25, stochastic_depth=0.3, ema=0.9, clip=1.0, epochs=2
    ),
    "adafactor, channels last": settings(
        precision="auto", optimizer="adafactor", architecture="resnet18", width=0.125, dropout=0.2, ema=0.95, learning_rate=0.02, epochs=3
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("config", RUNS.values(), ids=RUNS)
@pytest.mark.parametrize("step", [pytest.param(1, marks=pytest.mark.slow), 5, 7])  # 5: an epoch's last
def test_interrupted_and_resumed_is_uninterrupted_bit_for_bit(config: RunConfig, step: int, tmp_path: Path) -> None:
    whole, expected = uninterrupted(config)
    before = interrupted(begin(config, digits(config.data.resolution)), step, tmp_path)
    second = resumed(config, tmp_path)
    after, ended = follow(second)
    assert same_weights(second, whole)
    assert list(map(timeless, epochs(before) + epochs(after))) == expected
    assert ended.step == whole.step
    assert dataclasses.replace(second.state(), seconds=0.0) == dataclasses.replace(whole.state(), seconds=0.0)


EVERYTHING = {
    "dropout": 0.3, "crop": 0.1, "rotation": 10.0, "accumulation": 2, "batch_size": 16, "weight_decay": 0.01, "clip": 1.0, "ema": 0.9,
    "step_epochs": 1, "plateau_patience": 0, "epochs": 3,
}  # fmt: skip
OPTIMISERS, SCHEDULES = KNOBS["optimizer"].choices, KNOBS["schedule"].choices
WAYS = [*((name, "reduce_on_plateau") for name in OPTIMISERS), *(("adam", name) for name in SCHEDULES if name != "reduce_on_plateau")]
QUICK = [("sgd", "reduce_on_plateau"), ("adam", "one_cycle")]


@pytest.mark.parametrize(("optimizer", "schedule"), [pytest.param(*way, marks=[pytest.mark.slow] * (way not in QUICK)) for way in WAYS])
def test_every_optimiser_and_schedule_resumes_exactly_from_any_step(optimizer: str, schedule: str, tmp_path: Path) -> None:
    config = settings(optimizer=optimizer, schedule=schedule, learning_rate=0.01, **EVERYTHING)
    whole = begin(config, digits())
    follow(whole)
    for step in random.Random(f"{optimizer} {schedule}").sample(range(1, whole.step), 3):
        interrupted(begin(config, digits()), step, tmp_path)
        second = resumed(config, tmp_path)
        follow(second)
        assert same_weights(second, whole), f"killed after step {step}"


def test_patience_is_not_forgotten_at_a_resume(tmp_path: Path) -> None:
    config, data = settings(epochs=50, early_stopping=3, learning_rate=5e-3), misled(digits())
    _, expected = follow(begin(config, data))
    interrupted(begin(config, data), (expected.epoch - 1) * 5, tmp_path)
    checkpoint = load(tmp_path, "last")
    training = begin(config, data, checkpoint.state)
    restore(checkpoint, training.live)
    assert follow(training)[1] == expected


@pytest.mark.slow
def test_plateaus_are_not_forgotten_at_a_resume(tmp_path: Path) -> None:
    knobs = {"schedule": "reduce_on_plateau", "plateau_patience": 1, "step_factor": 0.5, "warmup": 0.5, "epochs": 8}
    config, data = settings(learning_rate=5e-3, **knobs), misled(digits())
    whole = begin(config, data)
    expected, _ = follow(whole)
    assert whole.plateau.drops > 1
    for step in (3, 15, 17, 25, 29):
        before = interrupted(begin(config, data), step, tmp_path)
        checkpoint = load(tmp_path, "last")
        second = begin(config, data, checkpoint.state)
        restore(checkpoint, second.live)
        after, _ = follow(second)
        assert list(map(timeless, epochs(before) + epochs(after))) == list(map(timeless, epochs(expected))), f"stopped after step {step}"
        assert second.plateau == whole.plateau


def test_a_run_resumed_after_its_last_epoch_has_finished(tmp_path: Path) -> None:
    config = settings()
    training = begin(config, digits())
    follow(training)
    save(tmp_path, "last", training.live, training.state())
    happened, ended = follow(resumed(config, tmp_path))
    assert happened == []
    assert (ended.reason, ended.epoch) == ("finished", 2)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    interrupted(begin(settings(), digits()), 3, tmp_path)
    return tmp_path


def test_leaves_three_files_and_nothing_else(saved: Path) -> None:
    assert sorted(path.name for path in saved.iterdir()) == sorted(FILES)


def test_tells_what_it_has_written_and_keeps_what_it_was_given(tmp_path: Path) -> None:
    training = begin(settings(), digits())
    extra = Extra({"classes": ["a", "ä"], "config": training.config.model_dump(), "mean": [0.1]}, {"curve": torch.tensor([0.5, 2.0])})
    written = save(tmp_path, "last", training.live, State(epoch=4, step=9, best_loss=0.25), extra)
    size = sum((tmp_path / name).stat().st_size for name in FILES)
    digest = hashlib.sha256((tmp_path / "last.json").read_bytes()).hexdigest()
    assert written == Written("last", 9, 4, size, digest)
    checkpoint = load(tmp_path, "last")
    assert checkpoint.extra.facts == extra.facts
    assert checkpoint.extra.tensors["curve"].tolist() == [0.5, 2.0]
    assert checkpoint.state == State(epoch=4, step=9, best_loss=0.25)
    assert checkpoint.slots == {}


def test_the_optimisers_tensors_are_named_by_parameter_and_slot(saved: Path) -> None:
    slots = load(saved, "last").slots
    assert {key.split(".")[1] for key in slots} == {"exp_avg", "exp_avg_sq", "step"}
    assert {int(key.split(".")[0]) for key in slots} == set(range(10))


def averaged(folder: Path) -> Training:
    """A run that averages its weights, stopped and kept within its second epoch."""
    training = begin(settings(architecture="resnet18", width=0.125, ema=0.95), digits())
    interrupted(training, 7, folder)
    return training


def test_the_weights_that_are_kept_are_those_that_are_evaluated(tmp_path: Path) -> None:
    training = averaged(tmp_path)
    checkpoint = load(tmp_path, "last")
    assert training.average is not None
    mean, trained = training.average.model, training.model
    assert all(torch.equal(checkpoint.weights[name], weight) for name, weight in mean.named_parameters())
    assert all(torch.equal(checkpoint.weights[name], buffer) for name, buffer in trained.named_buffers())
    assert all(torch.equal(checkpoint.raw[name], weight) for name, weight in trained.named_parameters())
    assert not torch.equal(checkpoint.weights["fc.weight"], checkpoint.raw["fc.weight"])


def test_a_run_that_averages_no_longer_goes_on_from_the_weights_it_trained(tmp_path: Path) -> None:
    training = averaged(tmp_path)
    other = begin(training.config.changed(ema=0), digits())
    restore(load(tmp_path, "last"), other.live)
    assert all(torch.equal(one, its) for one, its in zip(other.model.parameters(), training.model.parameters(), strict=True))


def test_an_average_that_was_not_kept_begins_at_the_weights(saved: Path) -> None:
    training = begin(settings(ema=0.95), digits())
    checkpoint = load(saved, "last")
    restore(checkpoint, training.live)
    assert checkpoint.raw == {}
    for each in (training.model, training.live.evaluated()):
        assert all(torch.equal(weight, checkpoint.weights[name]) for name, weight in each.state_dict().items())


def test_a_run_goes_on_from_a_checkpoint_of_the_format_before(tmp_path: Path) -> None:
    whole, first = begin(settings(), digits()), begin(settings(), digits())
    follow(whole)
    follow(first, lambda happening: Stop() if happening.step == 3 else None)
    save(tmp_path, "last", first.live, first.state())

    def older(body: Any) -> None:
        body["format"] = 4
        del body["state"]["plateau"]
        for group in body["groups"]:
            del group["share"]

    rewritten(tmp_path, older)
    checkpoint = load(tmp_path, "last")
    assert checkpoint.raw == {}
    second = begin(settings(), digits(), checkpoint.state)
    restore(checkpoint, second.live)
    follow(second)
    assert same_weights(second, whole)


@pytest.mark.parametrize("name", ["resnet18", pytest.param("densenet121", marks=pytest.mark.slow)])
def test_a_rate_for_each_layer_is_kept(name: str, tmp_path: Path) -> None:
    training = begin(settings(architecture=name, width=0.125, epochs=1, first_layer_rate=0.1), digits())
    save(tmp_path, "last", training.live, training.state())
    shares = [group["share"] for group in training.optimiser.param_groups]
    assert len(set(shares)) > 20
    assert [group["share"] for group in load(tmp_path, "last").groups] == shares


def test_saving_again_replaces(saved: Path) -> None:
    training = begin(settings(), digits())
    save(saved, "last", training.live, State(step=77))
    assert load(saved, "last").state.step == 77
    assert all(torch.equal(tensor, training.model.state_dict()[key]) for key, tensor in load(saved, "last").weights.items())


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_short_is_refused(saved: Path, name: str) -> None:
    content = (saved / name).read_bytes()
    for kept in (0, 7, len(content) // 2, len(content) - 1):
        (saved / name).write_bytes(content[:kept])
        with pytest.raises(BadCheckpoint):
            load(saved, "last")


@pytest.mark.parametrize("name", FILES)
def test_one_flipped_bit_anywhere_is_refused(saved: Path, name: str) -> None:
    content = (saved / name).read_bytes()
    for place in range(0, len(content), max(len(content) // 40, 1)):
        flipped = bytearray(content)
        flipped[place] ^= 1
        (saved / name).write_bytes(flipped)
        with pytest.raises(BadCheckpoint) as refused:
            load(saved, "last")
        assert refused.value.fields == {"file": name}


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_refused(saved: Path, name: str) -> None:
    (saved / name).unlink()
    with pytest.raises(BadCheckpoint) as refused:
        load(saved, "last")
    assert refused.value.fields == {"file": name}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("place", [os.mkfifo, Path.mkdir, lambda file: file.symlink_to("/dev/zero")], ids=["pipe", "folder", "endless"])
def test_what_is_no_plain_file_is_refused_at_once(saved: Path, name: str, place: Callable[[Path], object]) -> None:
    (saved / name).unlink()
    place(saved / name)
    with pytest.raises(BadCheckpoint) as refused:
        load(saved, "last")
    assert refused.value.fields == {"file": name}


def rewritten(saved: Path, change: Callable[[Any], object]) -> None:
    """Counters altered, or replaced by what `change` gives, by someone who knows the hash."""
    body = json.loads((saved / "last.json").read_text())["body"]
    body = change(body) or body
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    (saved / "last.json").write_text(json.dumps({"body": body, "sha256": digest}))


WRONG: dict[str, Callable[[Any], object]] = {
    "nothing but a format": lambda body: {"format": checkpoints.FORMAT},
    "a list": lambda body: [1],
    "a format of the past": lambda body: body.update(format=3),
    "a plateau that is none": lambda body: body["state"].update(plateau=7),
    "drops that are words": lambda body: body["state"]["plateau"].update(drops="7"),
    "a format of the future": lambda body: body.update(format=checkpoints.FORMAT + 1),
    "files that are a list": lambda body: body.update(files=[1]),
    "no state": lambda body: body.pop("state") and None,
    "no sums": lambda body: body["state"].pop("sums") and None,
    "a step that is no number": lambda body: body["state"].update(step="7"),
    "a step that is too large": lambda body: body["state"].update(step=10**400),
    "a counter of its own": lambda body: body["state"].update(more=1),
    "groups that are none": lambda body: body.update(groups=5),
    "a billion channels": lambda body: body["extra"].update(channels=10**9),
    "classes that are a number": lambda body: body["extra"].update(classes=10**9),
    "very many classes": lambda body: body["extra"].update(classes=["a"] * 100_001),
    "means that are words": lambda body: body["extra"].update(mean=["a"]),
    "depths": lambda body: body["extra"].update(deep=json.loads("[" * 900 + "]" * 900)),
    "a billion lists": lambda body: body["extra"].update(wide=[[]] * 100_001),
    "weights of another size": lambda body: body["bytes"].update({FILES[0]: 10**15}),
    "weights that are longer than told": lambda body: body["bytes"].update({FILES[0]: 1}),
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG.keys())
def test_counters_made_to_harm_are_refused(saved: Path, change: Callable[[Any], object]) -> None:
    rewritten(saved, change)
    with pytest.raises(BadCheckpoint):
        load(saved, "last")


@pytest.mark.parametrize("name", ["../x", "raw.nothing", "raw.classifier.2.bias"])
def test_tensors_of_no_parameter_are_refused(tmp_path: Path, name: str) -> None:
    training = begin(settings(), digits())
    state = safetensors.torch.save({name: torch.ones(1)})
    save(tmp_path, "last", training.live, training.state())
    (tmp_path / FILES[1]).write_bytes(state)
    rewritten(tmp_path, lambda body: (body["files"].update({FILES[1]: hashlib.sha256(state).hexdigest()}), body.pop("bytes"))[2:])
    with pytest.raises(BadCheckpoint):
        load(tmp_path, "last")


def test_a_checkpoint_that_does_not_tell_its_sizes_is_read(saved: Path) -> None:
    rewritten(saved, lambda body: body.pop("bytes") and None)
    assert load(saved, "last").state.step == 3


def test_weights_of_another_network_are_refused_before_it_is_built(saved: Path) -> None:
    checkpoint = load(saved, "last")
    with torch.device("meta"):
        require_fit(checkpoint, network(settings()))
        for other in (settings(width=1.0), settings(architecture="vgg19", width=4.0, resolution=224)):
            with pytest.raises(BadCheckpoint):
                require_fit(checkpoint, network(other))


def test_only_what_checkpoints_leave_behind_is_left_over(tmp_path: Path) -> None:
    ours = ("000000020-1.json", "000000020-1.weights.safetensors", "000000020-2.state.safetensors", ".000000030-2.json.77.part")
    for name in (*ours, "000000010-1.json", "thesis.tex", "notes.json", "photo.jpg", "000000020-1.txt", "20.json"):
        (tmp_path / name).write_text("mine")
    (tmp_path / "000000040-1.json").symlink_to("thesis.tex")
    (tmp_path / "000000050-1.json").mkdir()
    assert sorted(file.name for file in left_over(tmp_path, {"000000010-1"})) == sorted(ours)
    assert left_over(tmp_path / "nowhere", set()) == []


def test_a_folder_behind_a_link_is_left_alone(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(saved)
    with pytest.raises(BadFolder, match="is a link or a file, not a folder"):
        left_over(tmp_path / "link", set())


def test_weights_of_another_moment_are_refused(saved: Path) -> None:
    """A crash between the renames leaves new weights beside the old counters."""
    old = (saved / "last.json").read_bytes()
    training = begin(settings(seed=1), digits())
    save(saved, "last", training.live, training.state())
    (saved / "last.json").write_bytes(old)
    with pytest.raises(BadCheckpoint):
        load(saved, "last")


def test_a_full_disk_leaves_the_old_checkpoint_whole(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    training = begin(settings(seed=1), digits())
    with pytest.raises(OSError, match="No space"):
        save(saved, "last", training.live, training.state())
    assert load(saved, "last").state.step == 3
    assert sorted(path.name for path in saved.iterdir()) == sorted(FILES)


def test_nothing_is_pickled(saved: Path) -> None:
    assert not any(b"\x80\x02" in (saved / name).read_bytes()[:64] for name in FILES)
    assert json.loads((saved / "last.json").read_text())["body"]["format"] == checkpoints.FORMAT
