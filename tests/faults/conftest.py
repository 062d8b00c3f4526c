"""A data folder in which things can be made to go wrong at named points, by making a file."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine import faults
from tests.engine_room import EngineRoom
from tests.faults.promises import Curves, curves

# Exact, with everything on that draws random numbers. Half a second of training; longer while it is held.
EXACT = {
    "precision": "exact", "width": 0.25, "train_share": 0.2, "resolution": 16, "epochs": 6, "dropout": 0.3, "crop": 0.1,
    "rotation": 10.0, "accumulation": 2, "batch_size": 32,
}  # fmt: skip
POINTS = {
    "starting": ("attempt.before_begin", 1),
    "running": ("training.epoch", 3),
    "saving": ("checkpoint.before_rename", 5),
    "ending": ("attempt.before_end", 1),
}


@dataclass(frozen=True)
class FaultyRoom:
    """`hold[state]` is the file that keeps runs in a state while it exists; `full` the one that fills the disk, once."""

    room: EngineRoom
    folder: Path

    def hold(self, state: str) -> Path:
        return self.folder / f"hold-{state}"

    @property
    def full(self) -> Path:
        return self.folder / "full"

    def environment(self) -> str:
        """What `$ATHANOR_FAULTS` must say."""
        holds = [f"{point}=wait@{passage}~{self.hold(state)}" for state, (point, passage) in POINTS.items()]
        return ";".join([*holds, f"checkpoint.while_writing=full~{self.full}"])


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyRoom]:
    """One data folder for all tests of a module; each leaves it with no run under way."""
    folder = tmp_path_factory.mktemp("faulty")
    faulty = FaultyRoom(EngineRoom(folder / "home"), folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(faults.VARIABLE, faulty.environment())
        yield faulty
        faulty.room.close()


@pytest.fixture(scope="module")
def uninterrupted(faulty: FaultyRoom) -> Curves:
    """What the run measures when nothing goes wrong."""
    number = faulty.room.start(**EXACT)
    faulty.room.ended(number)
    return curves(faulty.room, number)
