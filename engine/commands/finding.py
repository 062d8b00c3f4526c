"""What the doctor finds, one thing at a time. Knows neither what is looked at nor how it is printed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine import strings

# Run numbers that one sentence names at most.
NAMED = 8


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `ok` False must be mended; `note` says what was found and what to do."""

    name: str
    ok: bool
    note: str


def found(name: str, ok: bool, key: str, /, **fields: Any) -> Finding:
    """A finding whose note is `doctor_KEY` of the catalogue."""
    return Finding(name, ok, strings.say(f"command.doctor_{key}", **fields))


def named(things: Sequence[Any]) -> str:
    """Some of them, and how many more."""
    first = ", ".join(str(thing) for thing in things[:NAMED])
    return first if len(things) <= NAMED else strings.say("command.and_more", first=first, count=len(things) - NAMED)
