"""The knobs as words of the command line: `--learning-rate 0.1`, made from their declarations."""

import argparse
import shlex
from collections.abc import Mapping
from typing import Any

from engine import strings
from engine.config import KNOBS, Knob, RunConfig
from engine.config.run import AUGMENTATION_LEVEL
from engine.presets import PRESETS

_PREFIX = "knob-"


def add_knobs(command: argparse.ArgumentParser) -> None:
    """Let a command take every knob."""
    group = command.add_argument_group(strings.say("command.knobs"))
    group.add_argument("--preset", choices=PRESETS, metavar="NAME", help=strings.say("command.preset", names=", ".join(PRESETS)))
    for knob in KNOBS.values():
        group.add_argument(*_flags(knob.name), dest=f"{_PREFIX}{knob.name}", metavar="VALUE", help=_help(knob))
    about = strings.say("command.augmentation").replace("%", "%%")
    group.add_argument(f"--{AUGMENTATION_LEVEL}", dest=f"{_PREFIX}{AUGMENTATION_LEVEL}", metavar="LEVEL", help=about)


def given_config(given: argparse.Namespace) -> RunConfig:
    """The config that was typed: what is said of a knob goes before the preset's. Raises BadKnob."""
    values = {name.removeprefix(_PREFIX): value for name, value in vars(given).items() if name.startswith(_PREFIX) and value is not None}
    return RunConfig.from_flat((PRESETS[given.preset].knobs if given.preset else {}) | values)


def command_line(knobs: Mapping[str, Any]) -> str:
    """The line that starts a run with these knobs: the seed, and what is not the default."""
    changed = [name for name in KNOBS if name in knobs and (name == "seed" or knobs[name] != KNOBS[name].default)]
    return shlex.join(["python", "-m", "engine", "train", *(f"{_flags(name)[-1]}={knobs[name]}" for name in changed)])


def _flags(name: str) -> list[str]:
    return list(dict.fromkeys([f"--{name}", f"--{name.replace('_', '-')}"]))


def _help(knob: Knob) -> str:
    text = strings.say("command.knob", help=strings.say(f"knobs.{knob.name}.help"), allowed=knob.allowed, default=knob.default)
    return text.replace("%", "%%")
