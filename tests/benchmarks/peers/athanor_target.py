"""A preset of ours, to an accuracy."""

from engine.training.happenings import EpochDone
from engine.training.loop import Training
from engine.training.numerics import choose
from tests.benchmarks.peers.target import Target
from tests.benchmarks.peers.task import CORES
from tests.benchmarks.pictures import resident


def main() -> None:
    target = Target()
    numerics = choose(target.config, CORES)
    numerics.apply()
    data = resident(target.images, target.labels, target.held, numerics.device)
    for happening in Training(target.network(), data, target.config, numerics).run():
        if isinstance(happening, EpochDone) and target.over(happening.metrics["val_accuracy"]):
            break
    target.tell()


if __name__ == "__main__":
    main()
