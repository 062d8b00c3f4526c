"""What must be true of a data folder whatever has been killed in it. Returns the promises that are broken, as sentences."""

from collections import Counter
from collections.abc import Iterator

from engine.store import attempts, keeping, records, runs
from engine.store.runs import Run, State
from engine.training import checkpoints
from tests.engine_room import EngineRoom

# What an epoch measured: numbers that no interruption may change.
MEASURED = ("train_loss", "train_accuracy", "probe_loss", "probe_accuracy", "val_loss", "val_accuracy", "learning_rate", "grad_norm")
Curves = dict[str, list[tuple[int, int, float | None]]]


def curves(room: EngineRoom, number: int) -> Curves:
    """What the epochs of a run measured: (epoch, step, value) by series."""
    history = records.history(room.store, number)
    return {name: [(row.epoch, row.step, row.value) for row in history.get(name, [])] for name in MEASURED}


def broken(room: EngineRoom) -> list[str]:
    """Every promise that does not hold now."""
    under_way = Counter(attempt.claim.run for attempt in attempts.under_way(room.store))
    found = [f"run {run} has {count} attempts under way" for run, count in under_way.items() if count > 1]
    for run in runs.listing(room.store):
        found += [f"run {run.id}: {what}" for what in _of(room, run)]
    return found


def _of(room: EngineRoom, run: Run) -> Iterator[str]:
    news = records.read(room.store, run.id, limit=10_000_000)
    seqs = sorted([row.seq for row in news.metrics] + [event.seq for event in news.events])
    if seqs != list(range(1, len(seqs) + 1)):
        yield f"holes or doubles among its {len(seqs)} rows"
    epochs = [epoch for epoch, _, _ in curves(room, run.id)["val_loss"]]
    if epochs != list(range(1, len(epochs) + 1)):
        yield f"its epochs are {epochs}"
    for kept in keeping.of(room.store, run.id):
        yield from _damaged(room, run.id, kept.name)
    told = [past.number for past in attempts.told(room.store, run.id)]
    if told != list(range(1, len(told) + 1)) or len(told) < run.attempt:
        yield f"attempts {told} of {run.attempt}"
    if run.state is State.FINISHED and (len(epochs) != run.knobs["epochs"] or runs.test_result(room.store, run.id) is None):
        yield f"finished with {len(epochs)} of {run.knobs['epochs']} epochs, test {runs.test_result(room.store, run.id)}"


def _damaged(room: EngineRoom, number: int, name: str) -> Iterator[str]:
    try:
        checkpoints.load(room.home.checkpoints(number), name)
    except checkpoints.BadCheckpoint as error:
        if name in {kept.name for kept in keeping.of(room.store, number)}:  # else it has been taken back meanwhile
            yield str(error)
