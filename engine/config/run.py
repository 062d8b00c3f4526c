"""RunConfig: the groups put together, from and to flat values, with errors that name the knob."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field, ValidationError, model_validator

from engine import catalog
from engine.config.augmentation import AugmentationConfig
from engine.config.budget import BudgetConfig
from engine.config.data import DataConfig
from engine.config.knob import Group, read_knobs
from engine.config.model import ModelConfig
from engine.config.optimisation import OptimisationConfig
from engine.config.schedule import ScheduleConfig
from engine.errors import BadKnob

CONFIG_VERSION = 3

GROUPS: dict[str, type[Group]] = {
    "data": DataConfig,
    "model": ModelConfig,
    "augmentation": AugmentationConfig,
    "optimisation": OptimisationConfig,
    "schedule": ScheduleConfig,
    "budget": BudgetConfig,
}
KNOBS = read_knobs(GROUPS)

# One word that sets several knobs: the levels of the basic form.
AUGMENTATION_LEVEL = "augmentation"


class RunConfig(Group):
    """Everything that decides a training run. Frozen; a change makes a new one."""

    data: DataConfig = Field(default_factory=DataConfig)
    model: ModelConfig = Field(default_factory=ModelConfig)
    augmentation: AugmentationConfig = Field(default_factory=AugmentationConfig)
    optimisation: OptimisationConfig = Field(default_factory=OptimisationConfig)
    schedule: ScheduleConfig = Field(default_factory=ScheduleConfig)
    budget: BudgetConfig = Field(default_factory=BudgetConfig)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        _check_choice("architecture", self.model.architecture)
        architecture = catalog.ARCHITECTURES[self.model.architecture]
        if self.data.resolution < architecture.smallest:
            key = "errors.resolution_too_small"
            allowed = f"{architecture.smallest} .. {KNOBS['resolution'].high:g}"
            raise BadKnob(key, knob="resolution", value=self.data.resolution, allowed=allowed, architecture=architecture.label)
        if self.optimisation.batch_size == 1 and architecture.batch_norm:
            allowed = f"2 .. {KNOBS['batch_size'].high:g}"
            raise BadKnob("errors.batch_norm_needs_two", knob="batch_size", value=1, allowed=allowed, architecture=architecture.label)
        if self.optimisation.optimizer == "adamw" and self.optimisation.decay_kind == "l2":
            raise BadKnob("errors.adamw_is_decoupled", knob="decay_kind", value="l2", allowed="decoupled")
        if self.schedule.warmup > self.budget.epochs:
            raise BadKnob("errors.warmup_too_long", knob="warmup", value=self.schedule.warmup, allowed=f"0 .. {self.budget.epochs}")
        return self

    @classmethod
    def from_flat(cls, values: Mapping[str, Any]) -> Self:
        """Build from `{knob: value}`; strings are read as the knob's type, what is missing keeps its default.

        `augmentation` = off, light, medium or strong sets the four strengths at once. Raises BadKnob.
        """
        given = dict(values)
        level = given.pop(AUGMENTATION_LEVEL, None)
        if level is not None:
            if level not in catalog.LEVELS:
                raise _out_of_range(AUGMENTATION_LEVEL, level, ", ".join(catalog.LEVELS))
            given = catalog.strengths(level, str(given.get("dataset", KNOBS["dataset"].default))) | given
        nested: dict[str, dict[str, Any]] = {}
        for name, value in given.items():
            if name not in KNOBS:
                raise BadKnob("errors.unknown_knob", knob=str(name)[:80], value=_short(value), allowed=", ".join(KNOBS))
            nested.setdefault(KNOBS[name].group, {})[name] = value
        try:
            return cls.model_validate(nested)
        except ValidationError as error:
            raise _translate(error) from None

    def flat(self) -> dict[str, Any]:
        """`{knob: value}` of every knob, in order of declaration."""
        return {name: value for group in self.model_dump().values() for name, value in group.items()}

    def changed(self, **values: Any) -> Self:
        """The same config with some knobs changed. Raises BadKnob."""
        return self.from_flat(self.flat() | values)


def read_value(name: str, raw: Any) -> Any:
    """One knob's value from what was typed or linked, checked alone. Raises BadKnob."""
    knob = KNOBS[name]
    try:
        value = getattr(GROUPS[knob.group].model_validate({name: raw}), name)
    except ValidationError as error:
        raise _translate(error) from None
    if knob.choices:
        _check_choice(name, value)
    return value


def _check_choice(name: str, value: str) -> None:
    if value not in KNOBS[name].choices:
        raise _out_of_range(name, value, KNOBS[name].allowed)


def _translate(error: ValidationError) -> BadKnob:
    first = error.errors(include_url=False)[0]
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, BadKnob):
        return cause
    name = str(first["loc"][-1])
    return _out_of_range(name, first["input"], KNOBS[name].allowed)


def _out_of_range(name: str, value: Any, allowed: str) -> BadKnob:
    return BadKnob("errors.knob_out_of_range", knob=name, value=_short(value), allowed=allowed)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else text[:79] + "…"
