"""Athanor's own loop."""

from engine.training.happenings import EpochDone
from engine.training.loop import Training
from engine.training.numerics import choose
from tests.benchmarks.peers.task import CORES, Laps, Task
from tests.benchmarks.pictures import resident


def main() -> None:
    task = Task()
    laps, numerics = Laps(task), choose(task.config, CORES)
    numerics.apply()
    data = resident(task.images, task.labels, task.held, numerics.device)
    for happening in Training(task.network(), data, task.config, numerics).run():
        if isinstance(happening, EpochDone):
            laps.mark()
    laps.tell()


if __name__ == "__main__":
    main()
