"""How the config of an older Athanor becomes one of today, with every knob. The stored config never changes."""

from collections.abc import Callable, Mapping
from typing import Any

Config = dict[str, Any]


def to_2(config: Mapping[str, Any]) -> Config:
    """`time_limit`: there was none."""
    return {**config, "budget": {"time_limit": 0.0, **config.get("budget", {})}}


def to_3(config: Mapping[str, Any]) -> Config:
    """`twins`: only exact ones were known."""
    return {**config, "data": {"twins": "exact", **config.get("data", {})}}


UPCASTERS: dict[int, Callable[[Mapping[str, Any]], Config]] = {1: to_2, 2: to_3}


def current(config: Mapping[str, Any], version: int) -> Config:
    """The config in today's words; one of a newer version stays as it is."""
    now = dict(config)
    while version in UPCASTERS:
        now, version = UPCASTERS[version](now), version + 1
    return now
