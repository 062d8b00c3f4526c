"""What watching costs: `python -m tests.benchmarks.streaming`.

A real run of short epochs (about ten a second, so the feed always has news) while nobody, one and twenty sockets follow it, in turn: epochs
a second, and the web server's share of a core.
"""

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
from websockets.sync.client import connect
from websockets.typing import Origin

from tests.benchmarks.screen import server
from tests.engine_room import EngineRoom
from tests.free_port import answers
from tests.waiting import until

VIEWERS = (0, 1, 20)


@contextmanager
def viewer(url: str, run: int) -> Iterator[None]:
    """A socket that reads whatever is told of the run."""
    with connect(f"{url.replace('http', 'ws')}/live?run={run}", origin=Origin(url), max_size=None) as socket:
        reader = threading.Thread(target=lambda: [None for _ in socket], daemon=True)
        reader.start()
        yield


def watched(room: EngineRoom, run: int, web: psutil.Process, seconds: float) -> tuple[float, float]:
    """Epochs a second, and cores that the web server takes."""
    epoch, busy, began = room.run(run).summary["epoch"], sum(web.cpu_times()[:2]), time.perf_counter()
    time.sleep(seconds)
    spent = time.perf_counter() - began
    return (room.run(run).summary["epoch"] - epoch) / spent, (sum(web.cpu_times()[:2]) - busy) / spent


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=6.0)
    given = parser.parse_args()
    found: dict[int, list[tuple[float, float]]] = {viewers: [] for viewers in VIEWERS}
    with tempfile.TemporaryDirectory() as folder:
        room = EngineRoom(Path(folder))
        try:
            with server(room) as url:
                until(lambda: answers(url))
                web = next(one for one in psutil.Process().children() if "streamlit" in one.cmdline())
                run = room.start(epochs=10_000, width=1.0, train_share=1.0, resolution=32)
                room.training(run)
                for number in range(given.rounds):
                    for viewers in VIEWERS if number % 2 else reversed(VIEWERS):
                        with ExitStack() as sockets:
                            for _ in range(viewers):
                                sockets.enter_context(viewer(url, run))
                            time.sleep(1.0)  # what has been is told at once
                            found[viewers].append(watched(room, run, web, given.seconds))
        finally:
            room.close()
    for viewers, seen in found.items():
        speed, cores = (statistics.median(side) for side in zip(*seen, strict=True))
        ratio = statistics.median(one / alone for (one, _), (alone, _) in zip(seen, found[0], strict=True))
        print(f"{viewers:3} viewers   {speed:6.2f} epochs/s   {ratio:.3f} of nobody's   server {100 * cores:5.1f} % of a core", flush=True)


if __name__ == "__main__":
    main()
