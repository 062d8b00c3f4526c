"""Commands about what lies in a run's folder: its log, its files. Follows no link, reads no file whole."""

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from engine import strings
from engine.commands.output import as_json, opened, shown_whole, tell
from engine.errors import NotFound
from engine.folders import one_line, shown
from engine.plain_files import open_plain
from engine.store import budget, keeping, runs
from engine.store.connect import Store
from engine.store.home import Home
from engine.store.keeping import Kept

# Seconds between two looks at a log that is followed.
LOOK = 0.2
# Bytes read at once, and of one line at most.
BLOCK = 65536


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
        for line in lines(file, last):
            print(as_json({"line": line.rstrip("\n")}) if given.json else line, end="\n" if given.json else "")
        if last:
            return
        sys.stdout.flush()
        time.sleep(LOOK)


def lines(file: IO[bytes], last: bool) -> Iterator[str]:
    """What is there, line by line and fit for a terminal; a line that is still being written waits unless this is the last look."""
    while line := file.readline(BLOCK):
        if not last and not line.endswith(b"\n") and len(line) < BLOCK:
            file.seek(-len(line), os.SEEK_CUR)
            return
        yield shown_whole(line.decode("utf-8", "replace"))


def start_of_tail(file: IO[bytes], count: int) -> int:
    """Where the last `count` lines begin, found from the end in blocks, however long the file is."""
    end = file.seek(0, os.SEEK_END)
    if count == 0:
        return end
    place, left = max(end - 1, 0), count  # a line feed at the very end ends the last line and begins none
    while place > 0:
        size = min(BLOCK, place)
        place -= size
        file.seek(place)
        block, at = file.read(size), size
        while (at := block.rfind(b"\n", 0, at)) >= 0:
            left -= 1
            if left == 0:
                return place + at + 1
    return 0


def files(given: argparse.Namespace, home: Home) -> int:
    """List the files of a run's folder, what they are, and what the data folder takes of its budget."""
    store = opened(home)
    runs.get(store, given.run)
    names = _Names(home, given.run, keeping.of(store, given.run))
    found = [
        {"file": shown(str(path.relative_to(home.run(given.run)))), "bytes": size, "what": names.what(path)}
        for path, size in sorted(budget.sizes(home.run(given.run)))
    ]
    total, space = sum(int(str(entry["bytes"])) for entry in found), budget.space(store)
    rows = [f"{_size(entry['bytes']):>14}  {one_line(str(entry['file'])):<44}  {entry['what']}".rstrip() for entry in found]
    last = strings.say("command.files_total", count=len(found), size=_size(total), used=_gb(space.used), budget=_gb(space.budget))
    facts = {"id": given.run, "files": found, "bytes": total, "budget": {**vars(space), "left": space.left}}
    tell(given, facts, "\n".join([*rows, last]))
    return 0


class _Names:
    """What the files of one run are."""

    def __init__(self, home: Home, number: int, kept: Sequence[Kept]) -> None:
        self.known = {home.log(number): "command.file_log", home.manifest(number): "command.file_manifest"}
        self.folder = home.checkpoints(number)
        self.kept = {one.name: one for one in kept}
        self.best = next((one.name for one in kept if one.best), None)

    def what(self, path: Path) -> str:
        """In a few words; empty for what only its name tells."""
        if path.parent != self.folder:
            return strings.say(self.known[path]) if path in self.known else ""
        checkpoint = self.kept.get(path.name.partition(".")[0])
        if checkpoint is None:
            return strings.say("command.file_unnamed")
        key = "command.file_best" if checkpoint.name == self.best else "command.file_checkpoint"
        return strings.say(key, epoch=checkpoint.epoch, step=checkpoint.step)


def _size(count: object) -> str:
    return f"{int(str(count)) / 1e6:.3f} MB"


def _gb(count: int) -> str:
    return f"{count / budget.GB:.2f}"
