"""How long it takes to load the curves of many ended runs, from rows and from blobs: `python -m tests.benchmarks.packed_runs`.

1,000 runs of 1,000 points each in four series by default. Prints a table; the fastest of three passes counts.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa

from engine.config import CONFIG_VERSION, RunConfig
from engine.store import packing, records, runs, transitions
from engine.store.connect import Store
from engine.store.home import Home
from engine.store.points import everything
from engine.store.records import Batch, Metric
from engine.store.runs import State
from engine.store.tables import metrics, series

SERIES = ("train_loss", "val_loss", "val_accuracy", "learning_rate")
PASSES = 3


def fill(store: Store, count: int, points: int) -> list[int]:
    """Ended runs."""
    config = RunConfig().model_dump(mode="json")
    for _ in range(count):
        runs.create(store, runs.New("a run", config, CONFIG_VERSION))
        claim = transitions.claim(store)
        assert claim is not None
        rows = [Metric(seq, SERIES[seq % len(SERIES)], seq, seq, 1 / seq, 1e9 + seq) for seq in range(1, points + 1)]
        records.append(store, claim, Batch(rows))
        transitions.end(store, claim, State.FINISHED)
    return packing.due(store)


def fastest(work: Callable[[], object]) -> float:
    """Seconds."""
    times = []
    for _ in range(PASSES):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return min(times)


def load_in_one(store: Store, numbers: list[int]) -> int:
    """Every column of every run, in one transaction."""
    with store.snapshot() as connection:
        return sum(len(points.seq) for run in numbers for points in everything(connection, run).values())


def raw(store: Store) -> int:
    """Everything in two statements, nothing made of it."""
    with store.snapshot() as connection:
        return sum(len(connection.execute(sa.select(table)).all()) for table in (metrics, series))


def measure(store: Store, numbers: list[int]) -> dict[str, float]:
    return {
        "the tables as they are": fastest(lambda: raw(store)),
        "columns, one transaction": fastest(lambda: load_in_one(store, numbers)),
        "curves() of each run": fastest(lambda: [records.curves(store, run) for run in numbers]),
        "history() of each run": fastest(lambda: [records.history(store, run) for run in numbers]),
        "read() from the start": fastest(lambda: [records.read(store, run) for run in numbers]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--points", type=int, default=1000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Home(Path(folder)))
        numbers = fill(store, given.runs, given.points)
        rows = measure(store, numbers)
        begun = time.perf_counter()
        for run in numbers:
            packing.pack(store, run)
        packed = time.perf_counter() - begun
        blobs = measure(store, numbers)
        store.engine.dispose()
    print(f"{given.runs} runs of {given.points} points; packing took {1000 * packed / given.runs:.1f} ms a run")
    print(f"{'':28}{'rows, ms':>12}{'blobs, ms':>12}")
    for name, seconds in rows.items():
        print(f"{name:28}{1000 * seconds:12.0f}{1000 * blobs[name]:12.0f}")


if __name__ == "__main__":
    main()
