"""Leaves torch as it was found."""

from collections.abc import Iterator

import pytest
import torch


@pytest.fixture(autouse=True)
def _flags_back() -> Iterator[None]:
    """A run's numerics are flags of the whole process."""
    yield
    torch.use_deterministic_algorithms(False)
