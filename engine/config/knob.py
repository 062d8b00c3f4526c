"""What a knob is: one field of a run's config with everything that follows from it.

Knows no particular knob. The form, the URL, the command line, the comparison and the checks are made from these facts.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

Acts = Literal["now", "next epoch", "fork"]
Level = Literal["basic", "expert"]
Kind = Literal["int", "float", "str"]
Scale = Literal["linear", "log", "steps", "choice", "text"]
Alters = Literal["body", "head", "cost", "nothing"]

_FACTS = "knob"


class Group(BaseModel):
    """A frozen handful of knobs. Unknown names are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True)
class Knob:
    """The declaration of one knob, read off its field.

    `steps` are the values a slider offers (any value within `low`..`high` is valid); `choices` are all valid values.
    `syntax` is what a text may be; its `steps` are offered.
    `alters` is what another value changes at the most: the layers of the network before its head, those of the head, the time or memory
    of a step, or only what is learned.
    `acts` says when a change reaches a running job; `off` is the value that stands for "without it" in an ablation.
    """

    name: str
    group: str
    kind: Kind
    default: Any
    unit: str
    level: Level
    scale: Scale
    acts: Acts
    alters: Alters
    search: bool
    off: Any
    low: float | None
    high: float | None
    steps: tuple[Any, ...]
    choices: tuple[str, ...]
    syntax: str

    @property
    def allowed(self) -> str:
        """What may be given, in a few language-free words: `0 .. 0.9` or `sgd, adam`."""
        if self.choices or self.syntax:
            return ", ".join(self.choices) or self.syntax
        return f"{_plain(self.low)} .. {_plain(self.high)}" if self.low is not None and self.high is not None else self.kind


def _plain(bound: float) -> str:
    return str(int(bound)) if float(bound).is_integer() else f"{bound:g}"


def knob(
    default: Any,
    *,
    acts: Acts,
    alters: Alters = "cost",
    unit: str = "",
    level: Level = "expert",
    scale: Scale | None = None,
    low: float | None = None,
    high: float | None = None,
    steps: Iterable[Any] = (),
    choices: Iterable[str] = (),
    search: bool = True,
    off: Any = None,
    syntax: str = "",
) -> Any:
    """Declare a knob as a pydantic field; its type is the field's annotation (a Literal is a choice too)."""
    facts = {
        "acts": acts,
        "alters": alters,
        "unit": unit,
        "level": level,
        "scale": scale,
        "steps": tuple(steps),
        "search": search,
        "off": off,
    }
    facts |= {"low": low, "high": high, "choices": tuple(choices), "syntax": syntax}
    return Field(default, ge=low, le=high, json_schema_extra={_FACTS: facts})


def read_knobs(groups: dict[str, type[Group]]) -> dict[str, Knob]:
    """All knobs of the groups by name, in order of declaration. Names are unique across groups."""
    knobs: dict[str, Knob] = {}
    for group, model in groups.items():
        for name, field in model.model_fields.items():
            assert name not in knobs, f"two knobs are called {name}"
            knobs[name] = _read(name, group, field)
    return knobs


def _read(name: str, group: str, field: FieldInfo) -> Knob:
    facts: dict[str, Any] = dict(cast(dict[str, dict[str, Any]], field.json_schema_extra)[_FACTS])
    given = facts.pop("choices")
    choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else given
    kind: Kind = "str" if choices or field.annotation is str else "int" if field.annotation is int else "float"
    scale: Scale = facts.pop("scale") or ("choice" if choices else "steps" if facts["steps"] else "linear")
    return Knob(name=name, group=group, kind=kind, default=field.default, choices=choices, scale=scale, **facts)
