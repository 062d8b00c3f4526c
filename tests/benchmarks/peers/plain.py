"""A plain loop, written as torchvision's reference for classification is."""

import torch
from torch import nn

from tests.benchmarks.peers.task import EPOCHS, MOMENTUM, RATE, Laps, Task


def main() -> None:
    task = Task()
    laps, model = Laps(task), task.network()
    train, held = task.loaders()
    criterion, optimiser = nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM)
    for _ in range(EPOCHS):
        model.train()
        for pictures, labels in train:
            loss = criterion(model(pictures), labels)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            loss.item()
        model.eval()
        with torch.inference_mode():
            for pictures, labels in held:
                criterion(model(pictures), labels).item()
        laps.mark()
    laps.tell()


if __name__ == "__main__":
    main()
