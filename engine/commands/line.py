"""Words typed -> one command called. Exit code 0 done, 1 the run failed, 2 bad input. Knows no store."""

import argparse
import io
import sys
from collections.abc import Callable, Sequence

from engine import __version__, strings
from engine.commands import changing, doctor, folder, housekeeping, judging, questions, reading, starting
from engine.commands.knobs import add_knobs
from engine.commands.output import shown_whole
from engine.commands.starting import INTERRUPTED
from engine.errors import AthanorError, BadInput
from engine.store.home import Home
from engine.store.queue import PRIORITIES
from engine.store.runs import State, number_of

BAD_INPUT = 2
FAILED = 1

Command = Callable[[argparse.Namespace, Home], int]
Add = Callable[[str, Command], argparse.ArgumentParser]


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; its errors are one sentence on standard error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that knows no em dash gets a question mark
    given = parser().parse_args(words)
    try:
        code: int = given.command(given, Home.find(given.home))
        sys.stdout.flush()  # a reader that has gone is noticed here, not at the interpreter's end
        return code
    except BadInput as error:
        print(shown_whole(f"athanor: {error}"), file=sys.stderr)
        return BAD_INPUT
    except AthanorError as error:
        print(shown_whole(f"athanor: {error}"), file=sys.stderr)
        return FAILED
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has gone
        return 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:  # a disk that is full, a folder that may not be written
        print(shown_whole(f"athanor: {error}"), file=sys.stderr)
        return FAILED


def parser() -> argparse.ArgumentParser:
    """All commands and their options; the knobs' are made from their declarations."""
    top = argparse.ArgumentParser(prog="python -m engine", description=strings.say("command.about"))
    top.add_argument("--version", action="version", version=__version__)
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help=strings.say("command.json"))
    common.add_argument("--home", metavar="DIR", help=strings.say("command.home"))

    def add(name: str, command: Command) -> argparse.ArgumentParser:
        about = strings.say(f"command.{name}")
        one = commands.add_parser(name, parents=[common], help=about, description=about, allow_abbrev=False)
        one.set_defaults(command=command)
        return one

    for theme in (_add_training, _add_reading, _add_changing, _add_housekeeping):
        theme(add)
    return top


def _add_training(add: Add) -> None:
    train = add("train", starting.train)
    train.add_argument("--wait", action="store_true", help=strings.say("command.wait"))
    train.add_argument("--priority", choices=PRIORITIES, default="normal", help=strings.say("command.priority"))
    add_knobs(train)
    probe = add("probe", questions.probe)
    _add_patience(probe)
    add_knobs(probe)
    layers = add("layers", questions.layers)
    _add_patience(layers)
    add_knobs(layers)
    ranging = add("range", questions.range_test)
    ranging.add_argument("--stage", type=int, choices=(1, 2), default=2, help=strings.say("command.range_stage"))
    _add_patience(ranging)
    add_knobs(ranging)
    predict = add("predict", questions.predict)
    _add_run(predict)
    predict.add_argument("images", nargs="+", metavar="IMAGE", help=strings.say("command.image"))
    _add_patience(predict)


def _add_reading(add: Add) -> None:
    listing = add("runs", reading.list_runs)
    listing.add_argument("--state", nargs="+", choices=[*State], default=[], metavar="STATE", help=strings.say("command.state"))
    listing.add_argument("--limit", type=_count, metavar="N", help=strings.say("command.limit"))
    show = add("show", reading.show)
    _add_run(show)
    show.add_argument("--history", action="store_true", help=strings.say("command.history"))
    verdict = add("verdict", judging.verdict)
    _add_run(verdict, nargs="?")
    verdict.add_argument("--curves", metavar="FILE", help=strings.say("command.curves"))
    log = add("log", folder.log)
    _add_run(log)
    log.add_argument("--follow", action="store_true", help=strings.say("command.follow"))
    log.add_argument("--tail", type=_count, metavar="N", help=strings.say("command.tail"))
    _add_run(add("files", folder.files))
    add("doctor", doctor.doctor)


def _add_changing(add: Add) -> None:
    acts = {"stop": changing.stop, "pause": changing.pause, "resume": changing.resume, "step": changing.step, "retry": changing.retry}
    for name, command in acts.items():
        _add_run(add(name, command))
    follow = add("try", judging.follow)
    _add_run(follow)
    follow.add_argument("prescription", metavar="NAME", help=strings.say("command.try_what"))
    line = add("queue", changing.change_queue)
    _add_run(line, nargs="?")
    where = line.add_mutually_exclusive_group()
    for place in ("first", "up", "down", "last"):
        where.add_argument(f"--{place}", dest="where", action="store_const", const=place, help=strings.say(f"command.move_{place}"))
    line.add_argument("--priority", choices=PRIORITIES, help=strings.say("command.priority"))


def _add_housekeeping(add: Add) -> None:
    delete = add("delete", housekeeping.delete)
    delete.add_argument("runs", nargs="+", type=_run, metavar="ID", help=strings.say("command.run_id"))
    delete.add_argument("--yes", action="store_true", help=strings.say("command.yes"))
    add("rebuild", housekeeping.restore)
    add("backup", housekeeping.backup).add_argument("file", metavar="FILE", help=strings.say("command.backup_file"))
    change = add("settings", housekeeping.change_settings)
    change.add_argument("--disk-budget", type=float, metavar="GB", help=strings.say("command.setting_disk_budget"))
    change.add_argument("--slots", type=int, metavar="N", help=strings.say("command.setting_slots"))
    change.add_argument("--keep-every", type=int, metavar="K", help=strings.say("command.setting_keep_every"))


def _add_run(one: argparse.ArgumentParser, nargs: str | None = None) -> None:
    one.add_argument("run", type=_run, metavar="ID", nargs=nargs, help=strings.say("command.run_id"))


def _add_patience(one: argparse.ArgumentParser) -> None:
    one.add_argument("--patience", type=_count, default=questions.PATIENCE, metavar="SECONDS", help=strings.say("command.patience"))


def _run(text: str) -> int:
    number = number_of(text)
    if number is None:
        raise argparse.ArgumentTypeError(strings.say("command.not_a_run", value=text[:40]))
    return number


def _count(text: str) -> int:
    number = number_of(text)
    if number is None:
        raise argparse.ArgumentTypeError(strings.say("command.not_a_count", value=text[:40]))
    return number
