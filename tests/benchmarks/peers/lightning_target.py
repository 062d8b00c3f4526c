"""PyTorch Lightning with its defaults, Adam at 1e-3 and batches of 64, to an accuracy."""

import lightning
import torch
from torch.nn import functional

from tests.benchmarks.peers.target import Target


class Module(lightning.LightningModule):
    def __init__(self, target: Target) -> None:
        super().__init__()
        self.target, self.model = target, target.network()
        self.right = self.seen = 0

    def training_step(self, batch: list[torch.Tensor], _place: int) -> torch.Tensor:
        return functional.cross_entropy(self.model(batch[0]), batch[1])

    def validation_step(self, batch: list[torch.Tensor], _place: int) -> None:
        self.right += int((self.model(batch[0]).argmax(1) == batch[1]).sum())
        self.seen += len(batch[1])

    def on_validation_epoch_end(self) -> None:
        self.trainer.should_stop = self.target.over(self.right / self.seen)
        self.right = self.seen = 0

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=1e-3)


def main() -> None:
    target = Target()
    quiet = {"logger": False, "enable_checkpointing": False, "enable_model_summary": False, "enable_progress_bar": False}
    lightning.Trainer(max_epochs=1000, num_sanity_val_steps=0, **quiet).fit(Module(target), *target.loaders(64))
    target.tell()


if __name__ == "__main__":
    main()
