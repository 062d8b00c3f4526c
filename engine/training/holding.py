"""Where a run's pictures lie: all on its device, or on the disk and read by blocks. Decided once, here.

Knows no loop. The choice changes the order of the pictures when they fill more than one window, so every attempt at a run keeps it.
"""

from typing import Literal

import torch

from engine.data.blocks import Blocks
from engine.data.dataset import Dataset
from engine.data.resident import Resident
from engine.data.split import Split
from engine.training import footprint

DataIn = Literal["memory", "blocks"]
KINDS: dict[DataIn, type[Resident]] = {"memory": Resident, "blocks": Blocks}
# Of what is free; the other half is for the network, its gradients and its batches. On the CPU pictures that are read again and again
# stay in the system's cache as long as they find room there.
SHARE = 0.5


def choose(dataset: Dataset, device: str) -> DataIn:
    """For a run that begins, by the dataset's bytes and what is free on the device."""
    return "memory" if dataset.images.nbytes <= SHARE * footprint.free(device) else "blocks"


def hold(dataset: Dataset, parts: Split, device: torch.device | str, data_in: DataIn) -> Resident:
    """The dataset for the loop."""
    return KINDS[data_in].load(dataset, parts, device)


def held_in(data: Resident) -> DataIn:
    """Where its pictures lie."""
    return "blocks" if isinstance(data, Blocks) else "memory"
