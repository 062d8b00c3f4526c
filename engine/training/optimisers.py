"""The optimiser of a run, its penalties and the bound on its gradient. Knows no loop and no schedule.

Penalties act on the weights of convolutions and linear layers; on biases and normalisation parameters (He et al. 2019, "Bag of tricks",
section 3.1) only weight decay does, and only where `decay_all` asks for it. They stand in the parameter groups, weights first, in torch's
own fields and three of ours: `shrink` (decoupled decay done by `take_step`), `l1`, and `share`, that of the rate at which the group learns.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import cycle
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adagrad, Adam, AdamW, NAdam, Optimizer, RAdam, RMSprop

from engine.config.optimisation import FUSED, OptimisationConfig
from engine.models.layers import WEIGHTED
from engine.training.adafactor import Adafactor

# Added to the norm that is divided by, as in torch's `clip_grad_norm_`.
TINY = 1e-6


# Weights; biases and parameters of norms.
Parts = tuple[list[nn.Parameter], list[nn.Parameter]]
Shares = Mapping[nn.Parameter, float]


def build(config: OptimisationConfig, model: nn.Module, fused: bool = False, shares: Shares | None = None) -> Optimizer:
    """torch's optimiser over the parameters of `model`, which must already lie on its device; `shares` of the rate, where they differ."""
    parameters = split(model)
    groups = [
        {"params": some, "share": share, **penalties}
        for share, *parts in _by_share(parameters, shares)
        for some, penalties in zip(parts, _penalties(config), strict=True)
    ]
    options = {"fused": True} if fused and config.optimizer in FUSED else {}
    if config.optimizer == "nadam" and any(weight.is_cuda for some in parameters for weight in some):
        # At a resume torch moves its products to the device, and would wait for them in every step but for this.
        options = {"capturable": True}
    return OPTIMISERS[config.optimizer](groups, config, options)


def split(model: nn.Module) -> Parts:
    """Trainable parameters that are decayed, the weights of convolutions and linear layers, and those that are not."""
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    weights = {module.weight for module in model.modules() if isinstance(module, WEIGHTED)}
    return [p for p in trainable if p in weights], [p for p in trainable if p not in weights]


def _by_share(parts: Parts, shares: Shares | None) -> list[tuple[float, list[nn.Parameter], list[nn.Parameter]]]:
    """The parameters of each share, those that have all of the rate first."""
    if shares is None:
        return [(1.0, *parts)]
    return [
        (share, [weight for weight in parts[0] if shares[weight] == share], [other for other in parts[1] if shares[other] == share])
        for share in sorted({*shares.values()}, reverse=True)
    ]


def set_now(optimiser: Optimizer, config: OptimisationConfig) -> None:
    """Put the knobs that act now or by the stage (momentum, Nesterov's, weight decay, L1) in force; the rate comes with each step."""
    for group, penalties in zip(optimiser.param_groups, cycle(_penalties(config)), strict=False):
        group.update(penalties)
        if isinstance(optimiser, SGD):
            group.update(_momentum(config))


def welcome(optimiser: Optimizer) -> None:
    """Give parameters that begin to learn later than others an empty momentum: torch's fused SGD cannot take steps with both kinds.

    Their first step is the same: momentum * 0 + gradient.
    """
    if not isinstance(optimiser, SGD) or not any("momentum_buffer" in slots for slots in optimiser.state.values()):
        return
    for group in optimiser.param_groups:
        for parameter in group["params"]:
            if parameter.requires_grad and optimiser.state[parameter].get("momentum_buffer") is None:
                optimiser.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)


def gradient_norm(optimiser: Optimizer) -> Tensor:
    """The l2 norm () of all gradients together; nothing waits for it. 24 µs for LeNet, where torch's `get_total_norm` takes 80."""
    return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(_gradients(optimiser))))


def clip(optimiser: Optimizer, norm: Tensor, limit: float) -> None:
    """Shorten all gradients, of this norm () together, to `limit` where they are longer (Pascanu et al. 2013, algorithm 1).

    Nothing waits for the norm. Penalties come later and are not bounded.
    """
    torch._foreach_mul_(_gradients(optimiser), (limit / (norm + TINY)).clamp(max=1.0))


@torch.no_grad()
def take_step(optimiser: Optimizer, rate: float) -> None:
    """One update at learning rate `rate`: L1's subgradient joins the gradient, decoupled decay shrinks, torch steps.

    Decoupled decay is w *= 1 - rate * decay (Loshchilov & Hutter 2019, algorithm 2, in torch's scaling).
    """
    for group in optimiser.param_groups:
        group["lr"] = rate * group["share"]
        weights = [weight for weight in group["params"] if weight.grad is not None]
        if not weights:
            continue
        if group["l1"]:
            torch._foreach_add_([weight.grad for weight in weights], torch._foreach_sign(weights), alpha=group["l1"])
        if group["shrink"]:
            torch._foreach_mul_(weights, 1.0 - group["lr"] * group["shrink"])
    optimiser.step()


def _gradients(optimiser: Optimizer) -> list[Tensor]:
    return [weight.grad for group in optimiser.param_groups for weight in group["params"] if weight.grad is not None]


def _penalties(config: OptimisationConfig) -> tuple[dict[str, float], dict[str, float]]:
    """Those of the weights, and those of biases and norms."""
    ours = config.decay_kind == "decoupled" and config.optimizer != "adamw"
    decay = {"weight_decay": 0.0 if ours else config.weight_decay, "shrink": config.weight_decay if ours else 0.0}
    none = dict.fromkeys(decay, 0.0)
    return {**decay, "l1": config.l1}, {**(decay if config.decay_all == "on" else none), "l1": 0.0}


def _momentum(config: OptimisationConfig) -> dict[str, Any]:
    return {"momentum": config.momentum, "nesterov": config.nesterov == "on"}


Groups = Iterable[dict[str, Any]]

OPTIMISERS: dict[str, Callable[[Groups, OptimisationConfig, dict[str, Any]], Optimizer]] = {
    "sgd": lambda groups, config, options: SGD(groups, lr=config.learning_rate, **_momentum(config), **options),
    "adam": lambda groups, config, options: Adam(groups, lr=config.learning_rate, **options),
    "adamw": lambda groups, config, options: AdamW(groups, lr=config.learning_rate, **options),
    "rmsprop": lambda groups, config, options: RMSprop(groups, lr=config.learning_rate, **options),
    "adagrad": lambda groups, config, options: Adagrad(groups, lr=config.learning_rate, **options),
    "radam": lambda groups, config, options: RAdam(groups, lr=config.learning_rate, **options),
    "nadam": lambda groups, config, options: NAdam(groups, lr=config.learning_rate, **options),
    "adafactor": lambda groups, config, options: Adafactor(groups, lr=config.learning_rate, **options),
}
