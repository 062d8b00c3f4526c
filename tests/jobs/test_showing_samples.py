"""A real servant shows how the best epoch of a run did on single pictures, or says in a sentence why it cannot."""

import dataclasses
import io
import os
from collections.abc import Iterator

import pytest
from PIL import Image

from engine.config import CONFIG_VERSION, RunConfig
from engine.store import keeping, runs, transitions
from engine.store.runs import New
from engine.training import samples, session
from engine.training.checkpoints import Written
from engine.training.numerics import choose
from tests.servant_room import ServantRoom
from tests.waiting import until

pytestmark = pytest.mark.slow

CONFIG = RunConfig.from_flat({"resolution": 16, "width": 0.25, "epochs": 2, "device": "cpu", "precision": "exact"})


class Keeper:
    """Who is told of a run, and names its checkpoints in the store."""

    def __init__(self, room: ServantRoom, number: int) -> None:
        claim = transitions.claim(room.store)
        assert claim is not None
        assert claim.run == number
        self.room, self.claim = room, claim

    def metric(self, *told: object) -> None: ...
    def event(self, *told: object) -> None: ...
    def summary(self, **told: object) -> None: ...
    def got_on(self) -> None: ...
    def checkpoint(self, written: Written, best: bool) -> None:
        with self.room.store.write() as connection:
            keeping.keep(connection, self.claim, [keeping.Kept(**vars(written), best=best)])


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServantRoom]:
    room = ServantRoom(tmp_path_factory.mktemp("room"))
    room.start()
    until(room.there)
    yield room
    room.close()


@pytest.fixture(scope="module")
def trained(room: ServantRoom) -> int:
    """A whole run, trained in this process."""
    number = runs.create(room.store, New("digits", CONFIG.model_dump(mode="json"), CONFIG_VERSION))
    home = room.home
    place = session.Place(home.checkpoints(number), home.samples(number), home.cache, (), lambda wanted: None)
    session.train(CONFIG, session.Setting(choose(CONFIG, 1), None, lambda: None), place, Keeper(room, number))
    return number


def best(room: ServantRoom, number: int) -> str:
    return next(kept.name for kept in keeping.of(room.store, number) if kept.best)


def test_the_telling_pictures_come_with_counts(room: ServantRoom, trained: int) -> None:
    answer = room.ask("samples", run=trained)
    assert answer.answer is not None, answer.reason
    assert answer.picture is not None
    told = answer.answer
    assert Image.open(io.BytesIO(answer.picture)).size == (8 * 160, 3 * 160)
    assert told["images"] == sum(count for *_, count in told["matrix"]) == 306
    assert told["classes"] == [str(digit) for digit in range(10)]
    wrong = sum(count for true, predicted, count in told["matrix"] if true != predicted)
    assert len(told["kinds"]["worst"]) == min(8, wrong)
    assert all(one["label"] != one["predicted"] for one in told["kinds"]["worst"])
    losses = [one["loss"] for one in told["kinds"]["worst"]]
    assert losses == sorted(losses, reverse=True)
    assert room.ask("samples", run=trained) == answer, "asked once"


def reason(room: ServantRoom, number: int) -> str:
    """Asked as if for the first time: another best checkpoint is another question."""
    with room.store.write() as connection:
        table = keeping.checkpoints
        connection.execute(table.update().where(table.c.name == best(room, number)).values(sha256=os.urandom(32).hex()))
    answer = room.ask("samples", run=number)
    assert answer.reason is not None, answer
    return str(answer.reason["key"])


def test_hostile_files_and_other_pictures_end_in_a_sentence(room: ServantRoom, trained: int) -> None:
    file = room.home.samples(trained) / f"{best(room, trained)}{samples.SUFFIX}"
    sound = file.read_bytes()
    file.unlink()
    assert reason(room, trained) == "run.samples.missing"
    os.mkfifo(file)
    assert reason(room, trained) == "run.samples.damaged"
    file.unlink()
    file.symlink_to("/etc/passwd")
    assert reason(room, trained) == "run.samples.damaged"
    file.unlink()
    file.write_bytes(sound[:-40])
    assert reason(room, trained) == "run.samples.damaged"
    file.write_bytes(sound)
    seen = dataclasses.replace(samples.read(file.parent, best(room, trained)), data="0" * 64)
    file.write_bytes(seen.as_bytes())
    assert reason(room, trained) == "run.samples.changed"
    file.write_bytes(sound)


@pytest.mark.parametrize("run", [None, "1", -1, 10**12, 1.5, [1], True])
def test_what_is_no_run_is_told(room: ServantRoom, run: object) -> None:
    answer = room.ask("samples", run=run)
    assert answer.reason is not None


def test_a_run_without_a_best_epoch_says_so(room: ServantRoom) -> None:
    number = runs.create(room.store, New("digits", CONFIG.model_dump(mode="json"), CONFIG_VERSION))
    answer = room.ask("samples", run=number)
    assert answer.reason is not None
    assert answer.reason["key"] == "servant.no_checkpoint"
