"""Learning-rate range test (Smith 2017, "Cyclical learning rates for training neural networks", section 3.3).

A short training in which the rate grows at every step, on a network, pictures and chance of its own: no run notices it. Torch side; knows
no store.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from torch import nn

from engine.config import RunConfig
from engine.data.arrivals import Arrivals
from engine.data.resident import Resident
from engine.data.split import split
from engine.training import footprint, holding, inheriting
from engine.training.facts import require_fit
from engine.training.happenings import Change, Diverged, StepDone
from engine.training.inheriting import Shelf
from engine.training.loop import Training
from engine.training.numerics import Numerics
from engine.training.rehearsal import Unwanted, unchanged_flags
from engine.training.session import newborn

SPANS = {"sgd": (1e-5, 10.0)}
USUAL = (1e-6, 1.0)
"""From where nothing moves to where nothing holds: optimisers that divide by the size of the gradient need a tenth of the rate."""
STEPS = 150
"""Twenty-five a decade: with fewer a network without batch norm has not begun to learn before the rate is too high."""
WINDOW = 9
"""Batches that a mean is taken over: the noise of a few is not to be followed."""
HOPELESS = 3.0
"""It ends where the mean of the last batches is three times its lowest."""
FALLEN = 0.05
"""No rate is suggested where the mean never fell by a twentieth."""
NEAR = 0.5
"""Decades on either side of a rate over which the fall of the loss is measured."""
SAFE = 1 / 3
"""Of the rate of the lowest mean, beyond which it rises: at the most so much of it is suggested."""
LAST = 2
"""The stage that is tested where nobody says which."""
PICTURES = 30.0
"""Seconds that the pictures are waited for."""
PLAIN = {"schedule": "constant", "warmup": 0.0, "early_stopping": 0, "time_limit": 0.0, "epochs": 10_000}


@dataclass(frozen=True)
class Range:
    """What was seen: `rates`, the losses of their batches in nats and their running mean `smoothed`, all of equal length.

    `suggested` is a rate to begin with, None where the mean never fell by much; `lowest` that of its lowest.
    """

    rates: list[float]
    losses: list[float]
    smoothed: list[float]
    suggested: float | None
    lowest: float

    def as_dict(self) -> dict[str, Any]:
        """As stored and told."""
        return asdict(self)


def range_test(
    config: RunConfig,
    arrivals: Arrivals,
    numerics: Numerics,
    wanted: Callable[[], bool] = lambda: True,
    shelf: Shelf | None = None,
    stage: int = LAST,
) -> Range:
    """Test a config in the numerics that a run of it would take, from the weights it would begin with, which `shelf` finds.

    `stage` says for which of two stages; the second is tested from there, too.

    Raises DataError, BadKnob, NotFound and BadCheckpoint, and Unwanted once `wanted` says no.
    """

    def go_on(what: str, done: int, total: int) -> None:
        if not wanted():
            raise Unwanted

    require_fit(config)
    donor = inheriting.donor(config.model, shelf, go_on)
    dataset = arrivals.within(PICTURES, config.data)
    footprint.require_room(config, len(dataset.classes), footprint.free(numerics.device))
    data = holding.hold(dataset, split(dataset, config.data), numerics.device, holding.choose(dataset, numerics.device))
    with unchanged_flags(), _own_chance(numerics.device):
        numerics.apply()
        model, data, _ = newborn(config, data, donor)
        return sweep(of_stage(config, stage), model, data, numerics, wanted)


@contextmanager
def _own_chance(device: str) -> Iterator[None]:
    with torch.random.fork_rng([] if device == "cpu" else [torch.cuda.current_device()]):
        yield
    if device != "cpu":
        torch.cuda.empty_cache()  # a run that begins next finds the memory free


def of_stage(config: RunConfig, stage: int) -> RunConfig:
    """Of a plan of two stages one as a plan of its own, with its weight decay; any other plan as it is."""
    if config.stages.plan != "last_then_all":
        return config
    if stage == LAST:
        return config.changed(plan="all")
    return config.changed(plan="last", weight_decay=config.stages.stage1_weight_decay)


def sweep(config: RunConfig, model: nn.Module, data: Resident, numerics: Numerics, wanted: Callable[[], bool]) -> Range:
    """Train with a rate that grows at every step, until the loss is hopeless."""
    rates = np.geomspace(*SPANS.get(config.optimisation.optimizer, USUAL), STEPS)
    few = data.validation[:1]  # it is told nothing, but an epoch ends with it
    first = config.changed(**PLAIN, learning_rate=float(rates[0]))
    run = Training(model, replace(data, validation=few, probe=few), first, numerics).run()
    losses: list[float] = []
    message = None
    with suppress(Diverged):
        while len(losses) < STEPS and not hopeless(losses):
            happening, message = run.send(message), None
            if isinstance(happening, StepDone):
                losses.append(happening.window().loss)
                message = Change(first.changed(learning_rate=float(rates[min(len(losses), STEPS - 1)])))
            if not wanted():
                raise Unwanted
    run.close()
    return found(rates[: len(losses)], np.array(losses))


def hopeless(losses: list[float]) -> bool:
    """Whether nothing more is to be learned from higher rates."""
    if len(losses) < WINDOW:
        return False
    means = sliding_window_view(np.array(losses), WINDOW).mean(1)
    return not means[-1] <= HOPELESS * np.nanmin(means)


def running_mean(losses: np.ndarray) -> np.ndarray:
    """The mean of the batches around each `(n,)`, as many before it as after: one of the past alone would suggest too high a rate."""
    half = min(WINDOW // 2, max(len(losses) - 1, 0) // 2)
    return np.array([losses[max(0, k - w) : k + w + 1].mean() for k in range(len(losses)) for w in (min(half, k, len(losses) - 1 - k),)])


def found(rates: np.ndarray, losses: np.ndarray) -> Range:
    """What the losses at these rates say. A loss that is not finite ends them."""
    finite = np.isfinite(losses)
    count = len(losses) if finite.all() else int(np.argmin(finite))
    rates, losses = rates[:count], losses[:count]
    smoothed = running_mean(losses)
    lowest = int(np.argmin(smoothed)) if count else 0
    return Range(
        rates.tolist(), losses.tolist(), smoothed.tolist(), _begin(rates, losses, smoothed, lowest), float(rates[lowest]) if count else 0.0
    )


def _begin(rates: np.ndarray, losses: np.ndarray, smoothed: np.ndarray, lowest: int) -> float | None:
    """The rate at which the loss fell the fastest before its lowest mean, and no more than a share of the rate of that.

    The fall at a rate is the slope of the straight line through the batches within half a decade of it: of two neighbours it would be
    noise, and so it would be where the line has no batches before it.
    """
    if lowest < 2 or smoothed[lowest] > (1 - FALLEN) * smoothed[WINDOW // 2 : lowest].max(initial=0.0):
        return None
    places = np.log10(rates[: lowest + 1])
    within = max(1, round(NEAR / (places[1] - places[0])))
    slopes = [_slope(places[k - within : k + within + 1], losses[k - within : min(k + within, lowest) + 1]) for k in range(within, lowest)]
    if not slopes:
        return None
    return float(f"{min(rates[within + int(np.argmin(slopes))], SAFE * rates[lowest]):.2g}")


def _slope(across: np.ndarray, up: np.ndarray) -> float:
    """Least squares."""
    return float(np.polynomial.polynomial.polyfit(across, up, 1)[1])
