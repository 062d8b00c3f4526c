"""RunConfig: the groups put together, from and to flat values, with errors that name the knob."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field, ValidationError, model_validator

from engine import catalog
from engine.config.augmentation import AugmentationConfig
from engine.config.budget import BudgetConfig
from engine.config.data import DataConfig
from engine.config.knob import Group, read_knobs
from engine.config.model import OF_LAYERS, ModelConfig, check_fit
from engine.config.optimisation import DECOUPLED, OptimisationConfig
from engine.config.schedule import ScheduleConfig
from engine.config.stages import StagesConfig, require_layers, stage_at
from engine.errors import BadKnob

CONFIG_VERSION = 4

GROUPS: dict[str, type[Group]] = {
    "data": DataConfig,
    "model": ModelConfig,
    "augmentation": AugmentationConfig,
    "optimisation": OptimisationConfig,
    "schedule": ScheduleConfig,
    "stages": StagesConfig,
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
    stages: StagesConfig = Field(default_factory=StagesConfig)
    budget: BudgetConfig = Field(default_factory=BudgetConfig)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        _check_network(self)
        _check_optimiser(self.optimisation)
        _check_stages(self)
        _check_schedule(self)
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


def _check_network(config: RunConfig) -> None:
    """What the architecture cannot do."""
    model, batch_size = config.model, config.optimisation.batch_size
    _check_choice("architecture", model.architecture)
    architecture = catalog.ARCHITECTURES[model.architecture]
    named = {"architecture": architecture.label}
    if config.data.resolution < architecture.smallest:
        allowed = f"{architecture.smallest} .. {KNOBS['resolution'].high:g}"
        raise BadKnob("errors.resolution_too_small", knob="resolution", value=config.data.resolution, allowed=allowed, **named)
    if batch_size == 1 and architecture.batch_norm:
        allowed = f"2 .. {KNOBS['batch_size'].high:g}"
        raise BadKnob("errors.batch_norm_needs_two", knob="batch_size", value=1, allowed=allowed, **named)
    if model.norm_momentum and not architecture.obeys("norm_momentum"):
        raise BadKnob("errors.no_batch_norm", knob="norm_momentum", value=model.norm_momentum, allowed="0", **named)
    _check_variants(model, architecture)
    check_fit(model)


def _check_optimiser(knobs: OptimisationConfig) -> None:
    if knobs.optimizer in DECOUPLED and knobs.decay_kind == "l2":
        raise BadKnob("errors.only_decoupled", knob="decay_kind", value="l2", allowed="decoupled", optimizer=knobs.optimizer)
    if knobs.nesterov == "on" and not (knobs.optimizer == "sgd" and knobs.momentum):
        raise BadKnob("errors.nesterov_needs_momentum", knob="nesterov", value="on", allowed="off")


def _check_schedule(config: RunConfig) -> None:
    """What would never come about in the epochs of the run, or of the stage that it is meant for."""
    knobs, stages, budget = config.schedule, config.stages, config.budget
    first, last = stages.first_stage, stage_at(stages, budget.epochs, budget.epochs - 1).epochs
    if knobs.warmup > last:
        raise BadKnob("errors.warmup_too_long", knob="warmup", value=knobs.warmup, allowed=f"0 .. {last}")
    stepped = [last] * (knobs.schedule == "step") + [first] * (stages.stage1_schedule == "step" and first > 0)
    if stepped and knobs.step_epochs > min(stepped):
        raise BadKnob("errors.step_too_long", knob="step_epochs", value=knobs.step_epochs, allowed=f"1 .. {min(stepped)}")
    placed = [last] * (knobs.schedule == "multistep") + [first] * (stages.stage1_schedule == "multistep" and first > 0)
    for epochs in placed:
        if not all(0 < place < epochs for place in knobs.milestones_in(epochs)):
            raise BadKnob("errors.milestone_outside", knob="milestones", value=knobs.milestones, allowed=f"> 0, < {epochs}; > 0%, < 100%")
    if knobs.schedule == "reduce_on_plateau" and 0 < budget.early_stopping <= knobs.plateau_patience + 1:
        allowed, given = f"0, {knobs.plateau_patience + 2} .. {KNOBS['early_stopping'].high:g}", budget.early_stopping
        raise BadKnob("errors.stops_before_a_drop", knob="early_stopping", value=given, allowed=allowed, patience=knobs.plateau_patience)


def _check_stages(config: RunConfig) -> None:
    """A plan that would never come to its second stage or names layers that there are not; norms kept as they came where none came."""
    stages, epochs = config.stages, config.budget.epochs
    if stages.first_stage >= epochs:
        allowed = f"1 .. {epochs - 1}" if epochs > 1 else "plan = all, last"
        raise BadKnob("errors.no_second_stage", knob="stage1_epochs", value=stages.stage1_epochs, allowed=allowed, epochs=epochs)
    architecture = catalog.ARCHITECTURES[config.model.architecture]
    if all(getattr(config.model, name) == KNOBS[name].default for name in OF_LAYERS if name != "architecture"):
        require_layers(stages, architecture.layers)  # of a variant the network is asked when it is there
    if stages.frozen_norm == "on" and not architecture.obeys("frozen_norm"):
        raise BadKnob("errors.no_batch_norm", knob="frozen_norm", value="on", allowed="off", architecture=architecture.label)
    if stages.frozen_norm == "on" and config.model.weights == "none":
        raise BadKnob("errors.no_norm_came", knob="frozen_norm", value="on", allowed="off")


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


def _check_variants(model: ModelConfig, architecture: catalog.Architecture) -> None:
    """What the architecture has no place for must be at its default."""
    for name in catalog.VARIANTS:
        value, default = getattr(model, name), KNOBS[name].default
        if value != default and not architecture.obeys(name):
            fields = {"architecture": architecture.label, "others": ", ".join(catalog.having(name))}
            raise BadKnob("errors.knob_of_others", knob=name, value=value, allowed=str(default), **fields)


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
