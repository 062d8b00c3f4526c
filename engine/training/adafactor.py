"""Adafactor (Shazeer & Stern 2018) as torch computes it, without waiting for the device. Knows no loop.

torch 2.14's asks the device for two norms of every parameter in every step, and waits for each; here they stay where they are. Of
convolutions it factors, as torch's does, the two sides of the kernels.
"""

from typing import Any

import torch
from torch import Tensor


class Adafactor(torch.optim.Adafactor):
    """The rate is a share of each parameter's own size (its root mean square). Weight decay is left to `optimisers.take_step`."""

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One update from the gradients that are there."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    _update(weight, weight.grad, self.state[weight], group)


def _update(weight: Tensor, gradient: Tensor, slots: dict[str, Tensor], group: dict[str, Any]) -> None:
    """Algorithm 4, with torch's scaling: the step is at most `lr` of the weight's size, and no update's root mean square is above `d`."""
    tiny, least = torch.finfo(weight.dtype).eps, group["eps"][1]
    if not slots:
        slots |= _slots(gradient)
    slots["step"] += 1
    step = slots["step"].item()  # on the host, as torch keeps it
    update = _variance(gradient, slots, step ** group["beta2_decay"], tiny).clamp_(min=tiny**2).rsqrt_().mul_(gradient)
    size = _root_mean_square(weight).clamp(min=least) * min(group["lr"], step**-0.5)
    weight.sub_(update.mul_(size / (_root_mean_square(update) / group["d"]).clamp(min=1.0)))


def _slots(gradient: Tensor) -> dict[str, Tensor]:
    """What is remembered of a parameter, under torch's names."""
    step = {"step": torch.tensor(0.0)}
    if gradient.ndim < 2:
        return {**step, "variance": torch.zeros_like(gradient)}
    row, column = list(gradient.shape), list(gradient.shape)
    row[-1] = column[-2] = 1
    return {**step, "row_var": gradient.new_zeros(row), "col_var": gradient.new_zeros(column)}


def _variance(gradient: Tensor, slots: dict[str, Tensor], new: float, tiny: float) -> Tensor:
    """The mean of the squared gradients, the newest weighing `new`; of a matrix from the means of its rows and columns (section 3)."""
    squares = gradient.square()
    if "variance" in slots:
        return slots["variance"].lerp_(squares, new).clone()
    row = slots["row_var"].lerp_(squares.mean(-1, keepdim=True), new)
    column = slots["col_var"].lerp_(squares.mean(-2, keepdim=True), new)
    return (row * column).div_(row.mean(-2, keepdim=True).clamp_(min=tiny))


def _root_mean_square(values: Tensor) -> Tensor:
    return torch.linalg.vector_norm(values) / values.numel() ** 0.5
