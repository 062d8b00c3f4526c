"""Commands about what lies in a run's folder: its log, its files. Follows no link, reads no file whole."""

import argparse
import sys
import time
from typing import IO

from engine import strings
from engine.commands.output import as_json, opened, shown_whole, tell
from engine.errors import NotFound
from engine.folders import one_line, shown
from engine.plain_files import open_plain
from engine.store import budget, contents, runs
from engine.store.connect import Store
from engine.store.home import Home
from engine.store.logs import lines, start_of_tail

# Seconds between two looks at a log that is followed.
LOOK = 0.2


def log(given: argparse.Namespace, home: Home) -> int:
    """Print a run's log; with `--follow` until the run has ended."""
    store = opened(home)
    ended, path = runs.get(store, given.run).state.ended, home.log(given.run)
    while given.follow and not ended and not path.is_file():
        time.sleep(LOOK)
        ended = runs.get(store, given.run).state.ended
    try:
        file = open_plain(path)
    except OSError as error:
        raise NotFound("command.no_log", run=given.run, path=shown(str(path))) from error
    with file:
        if given.tail is not None:
            file.seek(start_of_tail(file, given.tail))
        _print(file, store, given)
    return 0


def _print(file: IO[bytes], store: Store, given: argparse.Namespace) -> None:
    """Up to its end; with `--follow`, on and on: the look at the state comes before the last look at the file."""
    while True:
        last = not given.follow or runs.get(store, given.run).state.ended
        for line in map(shown_whole, lines(file, last)):
            print(as_json({"line": line.rstrip("\n")}) if given.json else line, end="\n" if given.json else "")
        if last:
            return
        sys.stdout.flush()
        time.sleep(LOOK)


def files(given: argparse.Namespace, home: Home) -> int:
    """List the files of a run's folder, what they are, and what the data folder takes of its budget."""
    store = opened(home)
    runs.get(store, given.run)
    listed = contents.listing(store, given.run)
    found = [{"file": one.file, "bytes": one.bytes, "what": strings.say(one.key, **one.fields) if one.key else ""} for one in listed]
    total, space = sum(one.bytes for one in listed), budget.space(store)
    rows = [f"{_size(entry['bytes']):>14}  {one_line(str(entry['file'])):<44}  {entry['what']}".rstrip() for entry in found]
    last = strings.say("command.files_total", count=len(found), size=_size(total), used=_gb(space.used), budget=_gb(space.budget))
    facts = {"id": given.run, "files": found, "bytes": total, "budget": {**vars(space), "left": space.left}}
    tell(given, facts, "\n".join([*rows, last]))
    return 0


def _size(count: object) -> str:
    return f"{int(str(count)) / 1e6:.3f} MB"


def _gb(count: int) -> str:
    return f"{count / budget.GB:.2f}"
