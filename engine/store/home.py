"""The data folder: one class owns every file name in it. Knows no table and no process."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from engine.plain_files import is_folder, is_plain

PROJECT = Path(__file__).parents[2]
VARIABLE = "ATHANOR_HOME"


@dataclass(frozen=True)
class Home:
    """A data folder. Two homes share nothing."""

    root: Path

    @classmethod
    def find(cls, given: str | None = None) -> "Home":
        """The folder asked for, else `$ATHANOR_HOME`, else `.athanor/` beside app.py."""
        return cls(Path(given or os.environ.get(VARIABLE) or PROJECT / ".athanor").expanduser().absolute())

    @property
    def database(self) -> Path:
        return self.root / "athanor.db"

    @property
    def cache(self) -> Path:
        """Decoded datasets."""
        return self.root / "cache"

    @property
    def weights(self) -> Path:
        """Published weights, each fetched once."""
        return self.root / "weights"

    @property
    def data(self) -> Path:
        """Where people put their pictures, and downloads go."""
        return self.root / "data"

    @property
    def lock(self) -> Path:
        """Held by the one supervisor of this folder."""
        return self.root / "supervisor.lock"

    @property
    def bell(self) -> Path:
        """A named pipe: a byte written here wakes the supervisor."""
        return self.root / "supervisor.bell"

    @property
    def measured(self) -> Path:
        """The settings that were measured to be the fastest here."""
        return self.root / "measured.json"

    @property
    def supervisor_log(self) -> Path:
        return self.root / "supervisor.log"

    def run(self, number: int) -> Path:
        """The folder of one run: its weights and its log."""
        return self.runs / f"{number:06d}"

    def checkpoints(self, number: int) -> Path:
        return self.run(number) / "checkpoints"

    def checkpoint_files(self, number: int, name: str) -> list[Path]:
        """What plain files are there of one checkpoint; the one that makes it one comes first. None behind a link."""
        folder = self.checkpoints(number)
        found = sorted(folder.glob(f"{name}.*")) if is_folder(folder) else []
        return sorted(filter(is_plain, found), key=lambda file: file.suffix != ".json")

    def checkpoint_size(self, number: int, name: str) -> int:
        """Bytes of the files that are there of one checkpoint."""
        size = 0
        for file in self.checkpoint_files(number, name):
            with suppress(FileNotFoundError):
                size += file.lstat().st_size
        return size

    def samples(self, number: int) -> Path:
        """What the worker keeps of single pictures: the first batch, and how the best epochs did on each of validation."""
        return self.run(number) / "samples"

    def manifest(self, number: int) -> Path:
        """What a lost store is rebuilt from."""
        return self.run(number) / "manifest.json"

    @property
    def servant_bell(self) -> Path:
        """A named pipe: a byte written here wakes the servant."""
        return self.root / "servant.bell"

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    def log(self, number: int) -> Path:
        return self.run(number) / "log.txt"
