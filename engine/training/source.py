"""What the loop asks of a dataset. Knows neither where the pictures come from nor how they are kept."""

from typing import Protocol

from torch import Tensor


class Source(Protocol):
    """Pictures of one resolution and their labels, on the run's device, split by indices (LongTensors).

    No test part: that belongs to whoever evaluates a finished run.
    """

    @property
    def validation(self) -> Tensor: ...

    @property
    def probe(self) -> Tensor: ...

    @property
    def labels(self) -> Tensor: ...

    def order(self, seed: int) -> Tensor:
        """The training part in the order of `seed`."""
        ...

    def pictures(self, indices: Tensor) -> Tensor:
        """uint8 (n, C, R, R)."""
        ...

    def normalise(self, pictures: Tensor) -> Tensor:
        """The same pictures, uint8 or float32 in [0, 1], shifted and scaled by the training set's mean and deviation per channel."""
        ...
