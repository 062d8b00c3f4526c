"""What a run keeps of single pictures: written beside its best checkpoints, never at its cost, refused when it is not what was written."""

import dataclasses
import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from engine import faults
from engine.data.dataset import Dataset
from engine.data.loading import load as load_data
from engine.data.pixels import unit
from engine.data.resident import Resident
from engine.data.split import split
from engine.errors import DataError
from engine.store import first_batch
from engine.training import checkpoints, gallery, samples, session
from engine.training.evaluation import evaluate
from engine.training.happenings import EpochDone, StepDone
from engine.training.loop import Training
from engine.training.numerics import choose
from engine.training.samples import Album, Samples
from tests.training.short_runs import begin, digits, epochs, follow, same_weights, settings

CONFIG = settings(epochs=3, width=0.25, crop=0.1)


class Notes:
    """Who is told of a session, and remembers its checkpoints."""

    def __init__(self) -> None:
        self.kept: list[tuple[checkpoints.Written, bool]] = []

    def metric(self, *told: object) -> None: ...
    def event(self, *told: object) -> None: ...
    def summary(self, **told: object) -> None: ...
    def got_on(self) -> None: ...
    def checkpoint(self, written: checkpoints.Written, best: bool) -> None:
        self.kept.append((written, best))

    def best(self) -> checkpoints.Written:
        return [written for written, best in self.kept if best][-1]


def place(folder: Path) -> session.Place:
    return session.Place(folder / "checkpoints", folder / "samples", folder / "cache", (), lambda wanted: None)


def trained(folder: Path) -> Notes:
    """A whole run on the digits that come with the product."""
    notes = Notes()
    outcome = session.train(CONFIG, session.Setting(choose(CONFIG, 1), None, lambda: None), place(folder), notes)
    assert outcome.why == "finished"
    return notes


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Notes]:
    folder = tmp_path_factory.mktemp("run")
    return folder, trained(folder)


def dataset(folder: Path) -> Dataset:
    return load_data(CONFIG.data, (), folder / "cache")


def test_the_samples_are_what_the_best_checkpoint_says(made: tuple[Path, Notes]) -> None:
    folder, notes = made
    best = notes.best()
    seen = samples.read(folder / "samples", best.name)
    whole = dataset(folder)
    data = Resident.load(whole, split(whole, CONFIG.data), "cpu")
    training = begin(CONFIG, data)
    checkpoints.restore(checkpoints.load(folder / "checkpoints", best.name), training.live)
    again = evaluate(training.model, data, data.validation, training.numerics)
    assert (seen.epoch, seen.data) == (best.epoch, data.fingerprint())
    assert seen.index.tolist() == data.validation.tolist()
    assert np.array_equal(seen.label, whole.labels[seen.index])
    assert np.array_equal(seen.predicted, again.predicted.numpy())
    np.testing.assert_allclose(seen.loss, again.loss.numpy(), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(seen.truth, np.exp(-seen.loss), rtol=1e-5)
    right = seen.predicted == seen.label
    np.testing.assert_allclose(seen.sure[right], seen.truth[right], rtol=1e-4)
    assert (seen.sure[~right] >= seen.truth[~right]).all()


def test_only_the_best_and_the_one_before_stay(made: tuple[Path, Notes]) -> None:
    folder, notes = made
    best = [f"{written.name}.safetensors" for written, is_best in notes.kept if is_best]
    assert len(best) >= 2
    assert sorted(file.name for file in (folder / "samples").glob("*.safetensors")) == sorted(best[-2:])
    assert not list((folder / "samples").glob(".*"))


def test_the_first_batch_is_what_the_first_step_learned_from(made: tuple[Path, Notes]) -> None:
    folder, _ = made
    found = first_batch.read(folder / "samples")
    whole = dataset(folder)
    training = begin(CONFIG, Resident.load(whole, split(whole, CONFIG.data), "cpu"))
    seen: list[torch.Tensor] = []
    augmented = training._augmented
    training._augmented = lambda indices: seen.append(augmented(indices)) or seen[-1]  # type: ignore[method-assign]
    pictures, labels = training.next_batch()
    next(training.run())
    assert torch.equal(seen[0][0], seen[1][0])
    assert torch.equal(pictures, seen[1][0])
    assert found.facts.labels == [whole.classes[label] for label in labels]
    assert (found.facts.side, found.facts.batch) == (16, 32)


def test_looking_at_the_next_batch_changes_no_bit() -> None:
    config = settings(dropout=0.3, crop=0.1, rotation=10.0)
    plain, looked = begin(config, digits()), begin(config, digits())
    follow(plain)
    looked.next_batch()
    follow(looked, lambda happening: looked.next_batch() and None if isinstance(happening, StepDone) and happening.step == 2 else None)
    assert same_weights(plain, looked)


def done(training: Training) -> EpochDone:
    return epochs(follow(training)[0])[-1]


def test_a_full_disk_costs_the_samples_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(faults.VARIABLE, f"samples.written=full~{tmp_path / 'armed'}")
    faults._faults.cache_clear()
    (tmp_path / "armed").touch()
    data = digits()
    album, last = Album(tmp_path / "samples", data), done(begin(settings(), data))
    album.best("000000002-1", last, "")
    assert list((tmp_path / "samples").iterdir()) == []
    album.best("000000004-1", last, "")
    assert samples.read(tmp_path / "samples", "000000004-1").epoch == last.epoch
    faults._faults.cache_clear()


def test_a_folder_that_cannot_be_made_costs_the_samples_and_nothing_else(tmp_path: Path) -> None:
    data = digits()
    (tmp_path / "samples").write_text("a file")
    album = Album(tmp_path / "samples", data)
    album.first_batch(unit(data.pictures(data.train[:4])), data.labels[data.train[:4]])
    album.best("000000002-1", done(begin(settings(), data)), "")


SOUND = Samples(
    2, "abc", np.array([3, 4, 5]), np.array([0, 1, 1], np.int32), np.array([0, 1, 0], np.int32),
    np.array([0.9, 0.8, 0.2], np.float32), np.array([0.9, 0.8, 0.7], np.float32), np.array([0.1, 0.2, 1.6], np.float32),
)  # fmt: skip
HUGE = json.dumps({"index": {"dtype": "I64", "shape": [2**40], "data_offsets": [0, 8]}}).encode()
UNSOUND = {
    "nothing": b"",
    "no safetensors": b"\x10" * 500,
    "a lying header": (2**40).to_bytes(8, "little") + b"{}",
    "a shape of 2^40": len(HUGE).to_bytes(8, "little") + HUGE + bytes(8),
    "other lengths": dataclasses.replace(SOUND, loss=np.zeros(2, np.float32)).as_bytes(),
    "another kind": dataclasses.replace(SOUND, label=np.zeros(3, np.int64)).as_bytes(),
    "no numbers": dataclasses.replace(SOUND, loss=np.full(3, np.nan, np.float32)).as_bytes(),
    "a matrix": dataclasses.replace(SOUND, label=np.zeros((3, 1), np.int32)).as_bytes(),
    "no pictures": dataclasses.replace(SOUND, **{name: getattr(SOUND, name)[:0] for name in samples.COLUMN_TYPES}).as_bytes(),
}  # fmt: skip


@pytest.mark.parametrize("content", UNSOUND.values(), ids=UNSOUND)
def test_what_is_not_what_was_written_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.safetensors").write_bytes(content)
    with pytest.raises(DataError, match="is not what was written"):
        samples.read(tmp_path, "x")


def test_links_and_pipes_are_refused_and_what_is_missing_is_told(tmp_path: Path) -> None:
    (tmp_path / "sound").write_bytes(SOUND.as_bytes())
    (tmp_path / "link.safetensors").symlink_to(tmp_path / "sound")
    os.mkfifo(tmp_path / "pipe.safetensors")
    for name in ("link", "pipe"):
        with pytest.raises(DataError, match="is not what was written"):
            samples.read(tmp_path, name)
    with pytest.raises(DataError, match="was not kept"):
        samples.read(tmp_path, "none")


def test_the_telling_pictures_are_chosen() -> None:
    assert [found.tolist() for found in (gallery.best(SOUND), gallery.worst(SOUND), gallery.confused(SOUND))] == [[0, 1], [2], [2, 1, 0]]
    assert gallery.matrix(SOUND) == [[0, 0, 1], [1, 0, 1], [1, 1, 1]]
    assert gallery.pairs(SOUND, 2) == [[1, 0, 1, 2]]


def test_samples_of_other_pictures_are_not_shown(made: tuple[Path, Notes]) -> None:
    folder, notes = made
    seen, whole = samples.read(folder / "samples", notes.best().name), dataset(folder)
    told, picture = gallery.show(seen, whole, CONFIG.data)
    assert told["images"] == len(seen.index)
    assert picture.startswith(b"\x89PNG")
    with pytest.raises(DataError, match="have changed since this run"):
        gallery.show(seen, dataclasses.replace(whole, labels=whole.labels[::-1].copy()), CONFIG.data)
    with pytest.raises(DataError, match="is not what was written"):
        gallery.show(dataclasses.replace(seen, index=seen.index + 10**9), whole, CONFIG.data)
    with pytest.raises(DataError, match="is not what was written"):
        gallery.show(dataclasses.replace(seen, predicted=seen.predicted + 100), whole, CONFIG.data)
