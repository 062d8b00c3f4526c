"""How accurate runs were against how fast they trained, among those that may be compared. Pure; reads no store, knows no screen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.store.overview import Row


@dataclass(frozen=True, order=True)
class Way:
    """What speeds must share to be compared: the device, the cores that share its work (0 on a GPU), whether exact precision was asked.

    Threads and replicas, precision and layout within these are each network's own best, and belong to its speed.
    """

    device: str
    cores: int
    exact: bool

    @property
    def word(self) -> str:
        """A name for addresses: `cpu-2-auto`."""
        return f"{self.device}-{self.cores}-{'exact' if self.exact else 'auto'}"


@dataclass(frozen=True)
class Measurement:
    """A run that has ended: training pictures a second, and validation accuracy at its best epoch."""

    run: Row
    speed: float
    accuracy: float


@dataclass(frozen=True)
class Measured:
    """The runs on one dataset by the way they were computed, newest first, and how many lack a number."""

    ways: Mapping[Way, Sequence[Measurement]]
    without: int

    @property
    def usual(self) -> Way | None:
        """The way of the most runs."""
        return max(sorted(self.ways), key=lambda way: len(self.ways[way]), default=None)


def datasets(rows: Sequence[Row]) -> list[str]:
    """Those on which a run has ended, the newest first."""
    return list(dict.fromkeys(str(row.knobs["dataset"]) for row in rows if row.state.ended))


def measured(rows: Sequence[Row], dataset: str) -> Measured:
    """What the ended runs on a dataset have measured."""
    ways: dict[Way, list[Measurement]] = {}
    ended = [row for row in rows if row.state.ended and row.knobs["dataset"] == dataset]
    for row in ended:
        way, speed, accuracy = _way(row), _speed(row), row.summary.get("val_accuracy")
        if way is not None and speed and accuracy is not None:
            ways.setdefault(way, []).append(Measurement(row, speed, accuracy))
    return Measured(ways, len(ended) - sum(map(len, ways.values())))


def unbeaten(found: Sequence[Measurement]) -> list[Measurement]:
    """Those that no other beats in both, speed and accuracy, the most accurate first."""
    best: list[Measurement] = []
    for one in sorted(found, key=lambda one: (-one.accuracy, -one.speed)):
        if not best or one.speed > best[-1].speed:
            best.append(one)
    return best


def _speed(row: Row) -> float | None:
    """Of the whole network: where frozen layers were asked once, the last ones alone were timed."""
    stage = row.summary.get("stage") or {}
    return None if stage.get("computed") == "once" else row.summary.get("images_per_second")


def _way(row: Row) -> Way | None:
    numerics = row.facts.numerics
    if numerics is None:
        return None
    device = str(numerics["device"])
    cores = numerics.get("threads", 1) * numerics.get("replicas", 1) if device == "cpu" else 0
    return Way(device, cores, bool(numerics.get("deterministic")))
