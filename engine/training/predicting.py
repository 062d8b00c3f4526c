"""A picture in, an answer out: a checkpoint's network over picture files, decoded as its training pictures were. Knows no store."""

import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from engine.config.run import RunConfig
from engine.data import decode
from engine.data.decode import PictureError
from engine.folders import shown
from engine.models.building import build
from engine.training import checkpoints
from engine.training.checkpoints import Checkpoint
from engine.training.evaluation import chunk_size
from engine.training.numerics import Numerics

# Classes told of each picture.
TOP = 5


@dataclass(frozen=True)
class Predictor:
    """A trained network, the classes it knows, and how its pictures were made."""

    model: nn.Module
    config: RunConfig
    classes: list[str]
    channels: int
    mean: Tensor
    std: Tensor
    numerics: Numerics

    @classmethod
    def load(cls, checkpoint: Checkpoint) -> Self:
        """In the numerics of the run, so that it answers as it did there; on the CPU where there is no CUDA."""
        facts = checkpoint.extra.facts
        config, classes, channels = RunConfig.model_validate(facts["config"]), list(facts["classes"]), int(facts["channels"])
        numerics = Numerics.from_dict(facts["numerics"])
        if not torch.cuda.is_available():
            numerics = replace(numerics, device="cpu")
        numerics.apply()
        with torch.device("meta"):
            checkpoints.require_fit(checkpoint, build(config.model, channels, len(classes), config.data.resolution))
        model = build(config.model, channels, len(classes), config.data.resolution)
        model.load_state_dict(checkpoint.weights)
        mean, std = (torch.tensor(facts[name]).view(1, -1, 1, 1) for name in ("mean", "std"))
        return cls(numerics.place_model(model).eval(), config, classes, channels, mean, std, numerics)

    def answer(self, files: Sequence[Path]) -> list[dict[str, Any]]:
        """For each file `{"path", "best": [[class, probability], ...]}`, the likeliest first, or `{"path", "reason"}`."""
        chunk = chunk_size(self.numerics.device, self.model, self.config.data.resolution**2)
        return [told for at in range(0, len(files), chunk) for told in self._answer_chunk(files[at : at + chunk])]

    def _answer_chunk(self, files: Sequence[Path]) -> Iterator[dict[str, Any]]:
        squares = [self._square(file) for file in files]
        good = [square for square in squares if isinstance(square, np.ndarray)]
        answers = iter(self.probabilities(np.stack(good)).tolist() if good else [])
        for file, square in zip(files, squares, strict=True):
            path = shown(str(file))
            if isinstance(square, np.ndarray):
                yield {"path": path, "best": self._best(next(answers))}
            else:
                yield {"path": path, "reason": {"key": square.reason, "fields": {}}}

    def _square(self, file: Path) -> np.ndarray | PictureError:
        try:
            _require_file(file)
            picture = decode.fit(decode.read(file), self.config.data.resolution, self.config.data.resize)
        except PictureError as error:
            return error
        return decode.with_channels(picture, self.channels)

    @torch.inference_mode()
    def probabilities(self, squares: np.ndarray) -> Tensor:
        """uint8 (N, C, R, R) -> (N, classes), on the CPU; each row sums to 1."""
        pictures = (torch.from_numpy(squares).float().div_(255) - self.mean) / self.std
        with self.numerics.autocast():
            logits = self.model(self.numerics.place_batch(pictures))
        return logits.float().softmax(1).cpu()

    def _best(self, probabilities: list[float]) -> list[list[Any]]:
        order = sorted(range(len(probabilities)), key=lambda index: -probabilities[index])
        return [[self.classes[index], probabilities[index]] for index in order[:TOP]]


def _require_file(file: Path) -> None:
    """Raises PictureError for what is no plain file: reading a pipe or a device might never end."""
    try:
        plain = stat.S_ISREG(file.stat().st_mode)
    except (OSError, ValueError):
        raise PictureError("data.skip_unreadable") from None
    if not plain:
        raise PictureError("servant.no_plain_file")
