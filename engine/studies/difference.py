"""In which knobs runs differ, and whether their numbers may be held against each other. Knows no store and no screen."""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.config import KNOBS
from engine.config.data import SPLIT_KNOBS


def differing(configs: Sequence[Mapping[str, Any]]) -> list[str]:
    """The knobs that do not have one value in all configs (flat), in order of declaration."""
    return [name for name in KNOBS if len({config.get(name) for config in configs}) > 1]


def same_validation(configs: Sequence[Mapping[str, Any]]) -> bool:
    """Whether all were asked about the same validation pictures."""
    return not set(differing(configs)) & set(SPLIT_KNOBS)
