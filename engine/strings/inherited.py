"""What a network did not take of the weights that it began with, in words. Knows no store and no network."""

from collections.abc import Mapping
from typing import Any

from engine import strings

# Why a tensor was left, as `engine.models.transfer` says it, the most telling first; names of tensors in a line.
REASONS = ("shape", "missing", "classes", "reads_drawn", "reads_others")
MOST = 12


def not_taken(event: Mapping[str, Any] | None) -> dict[str, str]:
    """Of an event `weights` what was left, `{tensor: reason}`; a run that was carried in from elsewhere may say anything."""
    told = event.get("left") if isinstance(event, Mapping) else None
    return {str(name): str(why) for name, why in told.items()} if isinstance(told, Mapping) else {}


def left(told: Mapping[str, str], language: str) -> list[str]:
    """A line for each reason with the tensors that it is the reason for."""
    lines = []
    for reason in REASONS:
        names = [name for name, why in told.items() if why == reason]
        if names:
            key = "run.left.some" if len(names) > MOST else "run.left.all"
            said = strings.say(key, language, names=", ".join(names[:MOST]), more=len(names) - MOST)
            lines.append(strings.say(f"run.left.{reason}", language, names=said))
    return lines
