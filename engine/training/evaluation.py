"""What a network says about pictures it is not learning from: per-image loss and answer. Knows no training and no split."""

from dataclasses import dataclass
from itertools import chain

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.models.backbone import products
from engine.training.numerics import PICTURE, Numerics
from engine.training.replicas import side_by_side
from engine.training.source import Source

# Pixels of one chunk, on the CPU and on CUDA. 256 pictures of 32 px stay near a CPU's cache: 1.2 to 1.6 times as fast as four times as
# many. What the first layer of a VGG makes of a chunk in fp32 takes 64 and 256 MB.
CPU_CHUNK, CUDA_CHUNK = 2**18, 2**20
# Numbers that bilinear pooling makes of one chunk: 64 and 256 MB for each of the few copies that it holds, as much as that first layer.
CPU_PRODUCTS, CUDA_PRODUCTS = 2**24, 2**26


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
    chunk = chunk_size(numerics.device, model, _numbers(data.pictures(indices[:1])))
    shares = indices.tensor_split(_shares(len(indices), chunk, numerics.replicas))
    parts = side_by_side(lambda share: [_evaluate_chunk(model, data, piece, numerics) for piece in share.split(chunk)], shares)
    model.train(training)
    return Evaluation(*(torch.cat(columns) for columns in zip(*chain(*parts), strict=True)))


def _numbers(one: Tensor) -> int:
    """Of a picture (1, C, H, W) its pixels, of features (1, D) all."""
    return one[0, 0].numel() if one.ndim == PICTURE else one.numel()


@torch.inference_mode()
def _evaluate_chunk(model: nn.Module, data: Source, indices: Tensor, numerics: Numerics) -> tuple[Tensor, ...]:
    labels = data.labels[indices]
    pictures = numerics.place_batch(data.normalise(data.pictures(indices)))
    with numerics.autocast():
        logits = model(pictures)
    logits = logits.float()
    predicted, confidence = logits.argmax(1), (logits.amax(1) - logits.logsumexp(1)).exp()
    return functional.cross_entropy(logits, labels, reduction="none"), predicted == labels, predicted, confidence


def chunk_size(device: str, network: nn.Module, pixels: int) -> int:
    """Pictures of so many pixels that a network is shown in one piece where it does not learn."""
    most_pixels, most_products = (CPU_CHUNK, CPU_PRODUCTS) if device == "cpu" else (CUDA_CHUNK, CUDA_PRODUCTS)
    return max(1, min(most_pixels // pixels, most_products // max(1, products(network))))


def at_once(images: int, chunk: int, replicas: int) -> int:
    """Of so many pictures to evaluate, those whose maps are held at the same time: a chunk of every share."""
    return min(images, chunk * _shares(images, chunk, replicas))


def _shares(images: int, chunk: int, replicas: int) -> int:
    """Parts that are evaluated side by side: none is smaller than a chunk, unless it is the only one."""
    return max(1, min(replicas, images // chunk))
