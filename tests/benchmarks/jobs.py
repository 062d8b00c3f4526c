"""Two runs side by side, a core each, against one after the other on both: `python -m tests.benchmarks.jobs`.

Through a real supervisor and its workers; from the first launch to the end of the last run, data decoded and spare worker warm beforehand.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from engine.store import settings
from tests.engine_room import EngineRoom

NETS = {
    "lenet": {"epochs": 30, "resolution": 32},
    "resnet18": {"epochs": 3, "resolution": 16, "width": 0.25},
    "vgg11_bn": {"epochs": 3, "resolution": 32, "width": 0.25},
}


def both(room: EngineRoom, net: str, slots: int, seed: int) -> float:
    """Seconds that two runs take in so many slots."""
    settings.set_to(room.store, settings.SLOTS, slots)
    knobs = {"architecture": net, "width": 1.0, "train_share": 1.0} | NETS[net]
    room.ended(room.start(epochs=1, seed=seed))  # a warm spare stands behind it
    began = time.perf_counter()
    numbers = [room.start(**knobs, seed=seed + place) for place in range(2)]
    for number in numbers:
        room.ended(number, 600.0)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--nets", nargs="+", default=list(NETS), choices=list(NETS))
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        room = EngineRoom(Path(folder))
        try:
            for net in given.nets:
                times = [(both(room, net, 1, 10 * number), both(room, net, 2, 10 * number)) for number in range(given.rounds)]
                ratio = statistics.median(after / beside for after, beside in times)
                after, beside = (statistics.median(side) for side in zip(*times, strict=True))
                print(f"{net:<10} one after the other {after:6.1f} s   side by side {beside:6.1f} s   {ratio:.2f} x", flush=True)
        finally:
            room.close()


if __name__ == "__main__":
    main()
