"""Knobs of the learning-rate schedule."""

from typing import Annotated, Literal

from pydantic import Field

from engine.config.knob import Group, knob

# An epoch or a share of all, and how many of them.
_PLACE = r"[0-9]{1,5}(\.[0-9]{1,3})?%?"
MOST_PLACES = 20


class ScheduleConfig(Group):
    """How the rate moves over the run.

    It drops to `step_factor` of what it was: under `step` every `step_epochs`, under `multistep` at the `milestones`, which are epochs or
    shares of the run or the stage that the schedule is for, under `reduce_on_plateau` when the validation loss has not fallen for more
    than `plateau_patience` epochs. `exponential` brings it down to `end_factor` of its peak. What a schedule does not use has no effect.
    """

    schedule: Literal["constant", "step", "multistep", "exponential", "cosine", "one_cycle", "reduce_on_plateau"] = knob(
        "constant", acts="fork"
    )
    milestones: Annotated[str, Field(pattern=rf"^{_PLACE}(, ?{_PLACE}){{0,{MOST_PLACES - 1}}}$")] = knob(
        "50%, 75%", acts="fork", scale="text", steps=("50%, 75%", "33%, 67%", "60%, 80%, 90%"), syntax="EPOCH or SHARE%, ...", search=False
    )
    step_epochs: int = knob(10, acts="fork", unit="epochs", low=1, high=10000, steps=(1, 2, 5, 10, 20, 30, 50, 100))
    step_factor: float = knob(0.1, acts="fork", low=0.001, high=1.0, steps=(0.1, 0.2, 0.3, 0.5, 0.7, 0.9))
    end_factor: float = knob(0.01, acts="fork", scale="log", low=1e-6, high=1.0, steps=(1e-4, 1e-3, 1e-2, 1e-1))
    plateau_patience: int = knob(5, acts="fork", unit="epochs", low=0, high=1000, steps=(1, 2, 3, 5, 10, 20))
    warmup: float = knob(0.0, acts="fork", unit="epochs", low=0.0, high=50.0, steps=(0.0, 0.5, 1.0, 2.0, 5.0), off=0.0)

    def milestones_in(self, epochs: int) -> tuple[float, ...]:
        """The milestones in epochs, of a schedule over so many."""
        places = self.milestones.replace(" ", "").split(",")
        return tuple(float(place[:-1]) / 100 * epochs if place.endswith("%") else float(place) for place in places)
