"""skorch."""

import torch
from skorch import NeuralNetClassifier
from skorch.helper import predefined_split
from torch import nn

from tests.benchmarks.peers.task import CORES, EPOCHS, MOMENTUM, RATE, Laps, Task


def main() -> None:
    task = Task()
    laps = Laps(task)
    train, held = (loader.dataset for loader in task.loaders())

    class Timed(NeuralNetClassifier):
        def on_epoch_end(self, *given: object, **named: object) -> None:
            super().on_epoch_end(*given, **named)
            laps.mark()

    options = {
        f"iterator_{part}__{name}": value
        for part in ("train", "valid")
        for name, value in (("num_workers", CORES), ("persistent_workers", True))
    }
    net = Timed(
        task.network(), criterion=nn.CrossEntropyLoss, optimizer=torch.optim.SGD, optimizer__momentum=MOMENTUM, lr=RATE,
        batch_size=task.batch, max_epochs=EPOCHS, train_split=predefined_split(held), classes=list(range(10)),
        iterator_train__shuffle=True, **options,
    )  # fmt: skip
    net.fit(train, y=None)
    laps.tell()


if __name__ == "__main__":
    main()
