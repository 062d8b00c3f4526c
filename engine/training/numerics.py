"""How a run computes: device, threads, precision, layout. Chosen once, stored with the run, inherited by its resumes and forks.

Knows no training. Equal numerics on the CPU give equal bits; one thread or replica more changes them.
"""

import os
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self, cast

import torch
from torch import Tensor, nn

from engine import catalog
from engine.config.run import RunConfig
from engine.errors import BadKnob

AMPERE = 8
PICTURE = 4  # dimensions
# `bf16_dense`: grouped convolutions stay in fp32, which on CPUs halves the time of nets that are made of them.
Precision = Literal["fp32", "bf16", "bf16_dense"]


class Float32Conv2d(nn.Conv2d):
    """A convolution that autocast leaves alone."""

    def forward(self, maps: Tensor) -> Tensor:
        with torch.autocast(maps.device.type, enabled=False):
            return super().forward(maps.float())


@dataclass(frozen=True)
class Numerics:
    """`threads` of the CPU share each operation; so many `replicas` of the network each compute a part of a batch, on a thread more.

    `fused` takes torch's one-kernel optimisers where they exist (about 7 % of a step). `compiled` has torch compile the training step
    and record it as CUDA graphs: nothing is launched kernel by kernel, but the first steps take a minute.
    """

    device: str
    threads: int
    precision: Precision
    channels_last: bool
    deterministic: bool
    fused: bool = False
    replicas: int = 1
    compiled: bool = False

    def apply(self) -> None:
        """Set this process's threads and flags. On CUDA call it before the first operation: cuBLAS reads its setting once."""
        torch.set_num_threads(self.threads)
        if self.deterministic:
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(self.deterministic)
        torch.backends.cudnn.benchmark = not self.deterministic
        torch.backends.cudnn.allow_tf32 = not self.deterministic
        torch.backends.cuda.matmul.allow_tf32 = not self.deterministic

    def place_model(self, model: nn.Module) -> nn.Module:
        """The model itself, moved to the device in this layout, its grouped convolutions in the precision that is theirs."""
        kind = Float32Conv2d if self.precision == "bf16_dense" else nn.Conv2d
        for module in model.modules():
            if isinstance(module, nn.Conv2d) and module.groups > 1:
                module.__class__ = kind
        return model.to(self.device).to(memory_format=self.memory_format)

    def quickened(self, model: nn.Module) -> nn.Module:
        """What the training step calls: the model itself, or its compiled form over the same weights, for batches of one size."""
        return cast(nn.Module, torch.compile(model, mode="reduce-overhead", dynamic=False)) if self.compiled else model

    def begin_step(self) -> None:
        """What recorded graphs left behind in the last step may be written over."""
        if self.compiled:
            torch.compiler.cudagraph_mark_step_begin()

    def place_batch(self, pictures: Tensor) -> Tensor:
        """Pictures (N, C, H, W) on the device in this layout; what is no picture, in its own."""
        layout = self.memory_format if pictures.ndim == PICTURE else torch.preserve_format
        return pictures.to(device=self.device, memory_format=layout, non_blocking=True)

    def seed(self, seed: int) -> None:
        """Seed what dropout draws from. `torch.manual_seed` visits every kind of device and costs LeNet 2 % of a step."""
        torch.default_generator.manual_seed(seed)
        if self.device != "cpu":
            torch.cuda.manual_seed(seed)

    def autocast(self) -> AbstractContextManager[Any]:
        """The forward pass goes inside; in fp32 it does nothing."""
        return torch.autocast(torch.device(self.device).type, torch.bfloat16, enabled=self.precision != "fp32")

    @property
    def memory_format(self) -> torch.memory_format:
        return torch.channels_last if self.channels_last else torch.contiguous_format

    def as_dict(self) -> dict[str, Any]:
        """As stored with the run; `from_dict` reads it back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        return cls(**values)


def choose(config: RunConfig, cores: int) -> Numerics:
    """The numerics of a new run that may use so many CPU cores. Raises BadKnob when it asks for CUDA and there is none."""
    device = _device(config.budget.device)
    architecture = catalog.ARCHITECTURES[config.model.architecture]
    threads = 1 if architecture.replicas else cores
    if config.budget.precision == "exact":
        return Numerics(device, threads, "fp32", channels_last=False, deterministic=True)
    replicas = cores if architecture.replicas and device == "cpu" else 1
    layout = device != "cpu" or architecture.channels_last
    return Numerics(device, threads, _precision(architecture, device), layout, deterministic=False, fused=True, replicas=replicas)


def precisions(model: nn.Module) -> tuple[Precision, ...]:
    """Those that are not the same for this network."""
    grouped = any(isinstance(module, nn.Conv2d) and module.groups > 1 for module in model.modules())
    return ("fp32", "bf16", "bf16_dense") if grouped else ("fp32", "bf16")


def _device(wanted: str) -> str:
    if wanted == "cpu":
        return "cpu"
    if torch.cuda.is_available():
        return "cuda"
    if wanted == "cuda":
        raise BadKnob("errors.no_cuda", knob="device", value="cuda", allowed="auto, cpu")
    return "cpu"


def _precision(architecture: catalog.Architecture, device: str) -> Precision:
    if not _fast_bf16(device):
        return "fp32"
    return "bf16" if device == "cuda" else architecture.precision


def _fast_bf16(device: str) -> bool:
    """Whether bf16 has its own instructions here; emulated it is slower than fp32."""
    if device == "cuda":
        return torch.cuda.get_device_capability()[0] >= AMPERE
    return bool(getattr(torch.cpu, "_is_avx512_bf16_supported", bool)())
