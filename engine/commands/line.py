"""Words typed -> one command called. Exit code 0 done, 1 the run failed, 2 bad input. Knows no store."""

import argparse
import io
import sys
from collections.abc import Sequence

from engine import __version__, strings
from engine.commands import doctor, reading, starting
from engine.config import KNOBS, Knob
from engine.config.run import AUGMENTATION_LEVEL
from engine.errors import AthanorError, BadInput
from engine.store.home import Home
from engine.store.runs import number_of

BAD_INPUT = 2
FAILED = 1


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; its errors are one sentence on standard error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that knows no em dash gets a question mark
    given = parser().parse_args(words)
    try:
        return given.command(given, Home.find(given.home))
    except BadInput as error:
        print(f"athanor: {error}", file=sys.stderr)
        return BAD_INPUT
    except AthanorError as error:
        print(f"athanor: {error}", file=sys.stderr)
        return FAILED
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has gone
        return 0


def parser() -> argparse.ArgumentParser:
    """All commands and their options; the knobs' are made from their declarations."""
    top = argparse.ArgumentParser(prog="python -m engine", description=strings.say("command.about"))
    top.add_argument("--version", action="version", version=__version__)
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help=strings.say("command.json"))
    common.add_argument("--home", metavar="DIR", help=strings.say("command.home"))

    def add(name: str, command: object, *, run: bool = False) -> argparse.ArgumentParser:
        about = strings.say(f"command.{name}")
        one = commands.add_parser(name, parents=[common], help=about, description=about, allow_abbrev=False)
        one.set_defaults(command=command)
        if run:
            one.add_argument("run", type=_run, metavar="ID", help=strings.say("command.run_id"))
        return one

    train = add("train", starting.train)
    train.add_argument("--wait", action="store_true", help=strings.say("command.wait"))
    _add_knobs(train)
    add("runs", reading.list_runs)
    add("show", reading.show, run=True).add_argument("--history", action="store_true", help=strings.say("command.history"))
    add("stop", starting.stop, run=True)
    add("verdict", reading.verdict, run=True)
    add("doctor", doctor.doctor)
    return top


def _run(text: str) -> int:
    number = number_of(text)
    if number is None:
        raise argparse.ArgumentTypeError(strings.say("command.not_a_run", value=text[:40]))
    return number


def _add_knobs(train: argparse.ArgumentParser) -> None:
    knobs = train.add_argument_group(strings.say("command.knobs"))
    for knob in KNOBS.values():
        knobs.add_argument(*_flags(knob.name), dest=f"knob-{knob.name}", metavar="VALUE", help=_help(knob))
    knobs.add_argument(
        f"--{AUGMENTATION_LEVEL}",
        dest=f"knob-{AUGMENTATION_LEVEL}",
        metavar="LEVEL",
        help=strings.say("command.augmentation").replace("%", "%%"),
    )


def _flags(name: str) -> list[str]:
    return list(dict.fromkeys([f"--{name}", f"--{name.replace('_', '-')}"]))


def _help(knob: Knob) -> str:
    text = strings.say("command.knob", help=strings.say(f"knobs.{knob.name}.help"), allowed=knob.allowed, default=knob.default)
    return text.replace("%", "%%")
