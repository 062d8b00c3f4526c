"""fastai, by its Learner."""

from fastai.callback.core import Callback
from fastai.data.core import DataLoaders
from fastai.learner import Learner
from fastai.optimizer import SGD
from torch import nn

from tests.benchmarks.peers.task import EPOCHS, MOMENTUM, RATE, Laps, Task


def main() -> None:
    task = Task()
    laps = Laps(task)
    learner = Learner(DataLoaders(*task.loaders()), task.network(), nn.CrossEntropyLoss(), opt_func=SGD, lr=RATE, moms=(MOMENTUM,) * 3)
    learner.fit(EPOCHS, cbs=[Callback(after_epoch=laps.mark)])
    laps.tell()


if __name__ == "__main__":
    main()
