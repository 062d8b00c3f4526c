"""How soon a stop frees the machine, and whether any run starts twice: `python -m tests.benchmarks.stopping`. Prints, asserts nothing."""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from engine.jobs import launch
from engine.jobs.identity import alive
from engine.store import runs
from engine.store.connect import Store
from engine.store.home import PROJECT, Home
from tests.engine_room import LONG, EngineRoom
from tests.store.test_queue import CLAIMER, CLAIMERS

STOPS, WAITING = 7, 10_000


def stops(room: EngineRoom) -> list[float]:
    """Seconds from the word to the end of the worker's process, which frees its memory and the device, LeNet and ResNet-18 in turn."""
    took = []
    for architecture in ("lenet", "resnet18") * STOPS:
        number = room.start(**LONG | {"architecture": architecture})
        room.training(number)
        worker = room.worker(number)
        begun = time.monotonic()
        launch.stop(room.store, number)
        while alive(worker):
            time.sleep(0.005)
        took.append(time.monotonic() - begun)
        room.ended(number)
    return took


def claims(store: Store) -> list[str]:
    """The runs that so many claimers at once were given, in any order."""
    for _ in range(WAITING):
        runs.create(store, runs.New("a run", {}, 1))
    command = [sys.executable, "-c", CLAIMER, str(store.home.root)]
    claimers = [subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) for _ in range(CLAIMERS)]
    return [line.split()[0] for claimer in claimers for line in claimer.communicate()[0].splitlines()]


def main() -> None:
    room = EngineRoom(Path(tempfile.mkdtemp()) / "home")
    try:
        took = stops(room)
    finally:
        room.close()
    print(f"stop -> process gone      median {statistics.median(took):.2f} s, largest {max(took):.2f} s of {len(took)}")
    given = claims(Store(Home(Path(tempfile.mkdtemp()))))
    print(f"{CLAIMERS} claimers, {WAITING:,} runs  given out {len(given):,}, of them twice {len(given) - len(set(given))}")


if __name__ == "__main__":
    main()
