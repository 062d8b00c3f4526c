"""PyTorch Lightning."""

import lightning
import torch
from torch.nn import functional

from tests.benchmarks.peers.task import EPOCHS, MOMENTUM, RATE, Laps, Task


class Module(lightning.LightningModule):
    def __init__(self, model: torch.nn.Module, laps: Laps) -> None:
        super().__init__()
        self.model, self.laps = model, laps

    def training_step(self, batch: list[torch.Tensor], _place: int) -> torch.Tensor:
        loss = functional.cross_entropy(self.model(batch[0]), batch[1])
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch: list[torch.Tensor], _place: int) -> None:
        self.log("val_loss", functional.cross_entropy(self.model(batch[0]), batch[1]))

    def on_train_epoch_end(self) -> None:
        self.laps.mark()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=RATE, momentum=MOMENTUM)


def main() -> None:
    task = Task()
    laps = Laps(task)
    trainer = lightning.Trainer(
        max_epochs=EPOCHS, logger=False, enable_checkpointing=False, enable_model_summary=False, num_sanity_val_steps=0
    )
    trainer.fit(Module(task.network(), laps), *task.loaders())
    laps.tell()


if __name__ == "__main__":
    main()
