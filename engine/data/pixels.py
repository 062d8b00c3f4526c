"""Pictures as bytes and as numbers."""

import torch
from torch import Tensor


def unit(pictures: Tensor) -> Tensor:
    """uint8 pictures as float32 in [0, 1]; those that are float already stay as they are."""
    return pictures.float().div_(255) if pictures.dtype == torch.uint8 else pictures
