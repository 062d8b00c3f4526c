"""The optimiser of a run and its penalties: decoupled and l2 weight decay, L1. Knows no loop and no schedule.

Penalties act on the weights of convolutions and linear layers, never on biases and normalisation parameters
(He et al. 2019, "Bag of tricks", section 3.1). They stand in the first parameter group, in torch's own fields and
two of ours: `shrink` (decoupled decay done by `take_step`) and `l1`.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop

from engine.config.optimisation import OptimisationConfig

# torch has no fused RMSprop.
FUSED = ("sgd", "adam", "adamw")


def build(config: OptimisationConfig, model: nn.Module, fused: bool = False) -> Optimizer:
    """torch's optimiser over the trainable parameters of `model`, which must already lie on its device."""
    decayed, plain = split(model)
    groups = [{"params": decayed, **_penalties(config)}, {"params": plain, **_no_penalties()}]
    options = {"fused": True} if fused and config.optimizer in FUSED else {}
    return OPTIMISERS[config.optimizer](groups, config, options)


def split(model: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Trainable parameters that are decayed, and those that are not: vectors are biases and norms, the rest weights."""
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return [p for p in trainable if p.ndim > 1], [p for p in trainable if p.ndim <= 1]


def set_now(optimiser: Optimizer, config: OptimisationConfig) -> None:
    """Put the knobs that act now (momentum, weight decay, L1) in force from the next step. The rate comes with each step."""
    optimiser.param_groups[0].update(_penalties(config))
    if isinstance(optimiser, SGD):
        for group in optimiser.param_groups:
            group["momentum"] = config.momentum


def gradient_norm(optimiser: Optimizer) -> Tensor:
    """The l2 norm () of all gradients together; nothing waits for it. 24 µs for LeNet, where torch's `get_total_norm` takes 80."""
    gradients = [weight.grad for group in optimiser.param_groups for weight in group["params"] if weight.grad is not None]
    return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))


@torch.no_grad()
def take_step(optimiser: Optimizer, rate: float) -> None:
    """One update at learning rate `rate`: L1's subgradient joins the gradient, decoupled decay shrinks, torch steps.

    Decoupled decay is w *= 1 - rate * decay (Loshchilov & Hutter 2019, algorithm 2, in torch's scaling).
    """
    for group in optimiser.param_groups:
        group["lr"] = rate
        weights = [weight for weight in group["params"] if weight.grad is not None]
        if group["l1"]:
            torch._foreach_add_([weight.grad for weight in weights], torch._foreach_sign(weights), alpha=group["l1"])
        if group["shrink"]:
            torch._foreach_mul_(weights, 1.0 - rate * group["shrink"])
    optimiser.step()


def _penalties(config: OptimisationConfig) -> dict[str, float]:
    ours = config.decay_kind == "decoupled" and config.optimizer != "adamw"
    shrink, torchs = (config.weight_decay, 0.0) if ours else (0.0, config.weight_decay)
    return {"weight_decay": torchs, "shrink": shrink, "l1": config.l1}


def _no_penalties() -> dict[str, float]:
    return {"weight_decay": 0.0, "shrink": 0.0, "l1": 0.0}


Groups = Iterable[dict[str, Any]]

OPTIMISERS: dict[str, Callable[[Groups, OptimisationConfig, dict[str, Any]], Optimizer]] = {
    "sgd": lambda groups, config, options: SGD(groups, lr=config.learning_rate, momentum=config.momentum, **options),
    "adam": lambda groups, config, options: Adam(groups, lr=config.learning_rate, **options),
    "adamw": lambda groups, config, options: AdamW(groups, lr=config.learning_rate, **options),
    "rmsprop": lambda groups, config, options: RMSprop(groups, lr=config.learning_rate, **options),
}
