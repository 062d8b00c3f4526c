"""What a network says about pictures it is not learning from: per-image loss and answer. Knows no training and no split."""

from dataclasses import dataclass
from itertools import chain

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.training.numerics import Numerics
from engine.training.replicas import side_by_side
from engine.training.source import Source

# Pixels of one chunk. 256 pictures of 32 px stay near a CPU's cache: 1.2 to 1.6 times as fast as four times as many. The first layer of a
# VGG takes 64 MB for them.
CPU_CHUNK, DEVICE_CHUNK = 2**18, 2**20


@dataclass(frozen=True)
class Evaluation:
    """Per image, in the order asked for, on the device: plain cross entropy (n,) float32 in nats, hit (n,) bool, class (n,).

    `confidence` (n,) float32 is the probability of the predicted class; that of the true one is exp(-loss).
    """

    loss: Tensor
    correct: Tensor
    predicted: Tensor
    confidence: Tensor

    def means(self) -> tuple[float, float]:
        """Mean loss and accuracy; waits for the device."""
        return self.loss.double().mean().item(), self.correct.double().mean().item()


def evaluate(model: nn.Module, data: Source, indices: Tensor, numerics: Numerics) -> Evaluation:
    """Evaluate without augmentation, dropout or label smoothing; leaves the model in the mode it was in."""
    training = model.training
    model.eval()
    height, width = data.pictures(indices[:1]).shape[-2:]
    chunk = chunk_size(numerics.device, height * width)
    shares = indices.tensor_split(max(1, min(numerics.replicas, len(indices) // chunk)))
    parts = side_by_side(lambda share: [_evaluate_chunk(model, data, piece, numerics) for piece in share.split(chunk)], shares)
    model.train(training)
    return Evaluation(*(torch.cat(columns) for columns in zip(*chain(*parts), strict=True)))


@torch.inference_mode()
def _evaluate_chunk(model: nn.Module, data: Source, indices: Tensor, numerics: Numerics) -> tuple[Tensor, ...]:
    labels = data.labels[indices]
    pictures = numerics.place_batch(data.normalise(data.pictures(indices)))
    with numerics.autocast():
        logits = model(pictures)
    logits = logits.float()
    predicted, confidence = logits.argmax(1), (logits.amax(1) - logits.logsumexp(1)).exp()
    return functional.cross_entropy(logits, labels, reduction="none"), predicted == labels, predicted, confidence


def chunk_size(device: str, pixels: int) -> int:
    """Pictures of so many pixels that a network is shown at a time where it does not learn."""
    return max(1, (CPU_CHUNK if device == "cpu" else DEVICE_CHUNK) // pixels)
