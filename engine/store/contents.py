"""What lies in a run's folder, and what each file is. Opens none of them and follows no link."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.folders import shown
from engine.store import budget, first_batch, keeping
from engine.store.connect import Store
from engine.store.home import Home
from engine.store.keeping import Kept


@dataclass(frozen=True)
class Found:
    """A plain file: its place in the run's folder, its size, a key of the catalogue that says what it is ("": its name must do)."""

    file: str
    bytes: int
    key: str
    fields: dict[str, Any] = field(default_factory=dict)


def listing(store: Store, run: int) -> list[Found]:
    """The files of a run, sorted by name."""
    names, folder = _Names(store.home, run, keeping.of(store, run)), store.home.run(run)
    return [Found(shown(str(path.relative_to(folder))), size, *names.what(path)) for path, size in sorted(budget.sizes(folder))]


class _Names:
    """What the files of one run are."""

    def __init__(self, home: Home, number: int, kept: list[Kept]) -> None:
        self.known = {home.log(number): "command.file_log", home.manifest(number): "command.file_manifest"}
        self.known |= {home.samples(number) / name: "command.file_first_batch" for name in (first_batch.PICTURE, first_batch.FACTS)}
        self.checkpoints, self.samples = home.checkpoints(number), home.samples(number)
        self.kept = {one.name: one for one in kept}
        self.best = next((one.name for one in kept if one.best), None)

    def what(self, path: Path) -> tuple[str, dict[str, Any]]:
        """A key and its fields."""
        checkpoint = self.kept.get(path.name.partition(".")[0])
        fields = {} if checkpoint is None else {"epoch": checkpoint.epoch, "step": checkpoint.step}
        if path.parent == self.samples and path.suffix == ".safetensors":
            return ("command.file_samples", fields) if checkpoint is not None else ("command.file_samples_before", {})
        if path.parent != self.checkpoints:
            return self.known.get(path, ""), {}
        if checkpoint is None:
            return "command.file_unnamed", {}
        return "command.file_best" if checkpoint.name == self.best else "command.file_checkpoint", fields
