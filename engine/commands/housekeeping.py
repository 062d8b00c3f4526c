"""Commands about the data folder as a whole: delete runs, restore a lost store, copy it, set its few numbers."""

import argparse
import sys
from pathlib import Path

from engine import strings
from engine.commands.output import opened, tell
from engine.errors import BadInput
from engine.folders import one_line, shown
from engine.jobs import bell
from engine.store import budget, deletion, rebuild, runs, settings
from engine.store.connect import Store
from engine.store.home import Home
from engine.store.settings import SETTINGS

YES = ("y", "yes")


def delete(given: argparse.Namespace, home: Home) -> int:
    """Delete runs and everything they left behind, when somebody says yes."""
    store = opened(home)
    numbers = sorted(set(given.runs))
    deletion.check(store, numbers)
    if not given.yes and not _sure(store, numbers, given.json):
        print(strings.say("command.not_deleted"), file=sys.stderr)
        return 0
    done = deletion.delete(store, numbers)
    left = [shown(str(folder)) for folder in done.left]
    text = [strings.say("command.deleted", runs=_listed(done.runs)), *(strings.say("command.deleted_left", path=path) for path in left)]
    tell(given, {"deleted": done.runs, "left": left}, "\n".join(text))
    return 0


def _sure(store: Store, numbers: list[int], silent: bool) -> bool:
    """Ask on the terminal. Raises BadInput where nobody can be asked."""
    if silent or not sys.stdin.isatty():
        raise BadInput("command.say_yes", runs=_listed(numbers))
    names = "\n".join(f"  {run.id:>5}  {one_line(run.name)}" for run in (runs.get(store, number) for number in numbers))
    size = sum(size for number in numbers for _, size in budget.sizes(store.home.run(number)))
    print(strings.say("command.sure", names=names, size=f"{size / 1e6:.1f}"), file=sys.stderr)
    return sys.stdin.readline().strip().lower() in YES


def _listed(numbers: list[int]) -> str:
    return ", ".join(str(number) for number in numbers)


def restore(given: argparse.Namespace, home: Home) -> int:
    """Rebuild the store from the run folders; a damaged file is set aside."""
    done = rebuild.renew(home)
    said = [("command.rebuilt", done.runs), ("command.rebuilt_without", done.without_manifest), ("command.rebuilt_damaged", done.damaged)]
    text = [strings.say(key, count=len(found), names=", ".join(map(str, found))) for key, found in said if found]
    tell(given, vars(done), "\n".join(text or [strings.say("command.rebuilt_nothing")]))
    return 0


def backup(given: argparse.Namespace, home: Home) -> int:
    """Copy the store while everything runs."""
    path = Path(given.file).expanduser().absolute()
    opened(home).backup(path)
    tell(given, {"file": shown(str(path)), "bytes": path.stat().st_size}, strings.say("command.backed_up", path=shown(str(path))))
    return 0


def change_settings(given: argparse.Namespace, home: Home) -> int:
    """Show the settings of the data folder, or change some and show them then."""
    store = opened(home)
    changes = [(one, value) for name, one in SETTINGS.items() if (value := getattr(given, name)) is not None]
    for one, value in changes:
        settings.check(one, value)  # all of them first: half a change is none
    for one, value in changes:
        settings.set_to(store, one, value)
    if changes:
        bell.ring(home.bell)
    values = {name: settings.get(store, one) for name, one in SETTINGS.items()}
    rows = [f"{name:<12} {value:>8g}  {strings.say(f'command.setting_{name}')}" for name, value in values.items()]
    tell(given, values, "\n".join(rows))
    return 0
