"""Commands that change what a run does: stop, pause, resume, retry, and its place in the queue. Prints; decides nothing about runs."""

import argparse

from engine import strings
from engine.commands.output import as_json, opened, tell
from engine.errors import BadInput
from engine.folders import one_line
from engine.jobs import launch
from engine.store import keeping, queue, runs
from engine.store.connect import Store
from engine.store.home import Home
from engine.store.queue import PRIORITIES
from engine.store.runs import UNDER_WAY, Run, State

# The word for each priority.
LEVELS = {number: word for word, number in PRIORITIES.items()}


def stop(given: argparse.Namespace, home: Home) -> int:
    """Ask a run to stop."""
    store = opened(home)
    before = runs.get(store, given.run).state
    launch.stop(store, given.run)
    key = "command.ended_before" if before.ended else "command.stopping" if before in UNDER_WAY else "command.stopped"
    return _told(given, store, strings.say(key, run=given.run, state=before))


def pause(given: argparse.Namespace, home: Home) -> int:
    """Ask a run to save where it is and to free its slot."""
    store = opened(home)
    before = runs.get(store, given.run).state
    launch.pause(store, given.run)
    key = "command.paused_before" if before is State.PAUSED else "command.pausing" if before in UNDER_WAY else "command.held"
    return _told(given, store, strings.say(key, run=given.run))


def resume(given: argparse.Namespace, home: Home) -> int:
    """Queue a paused run."""
    store = opened(home)
    launch.resume(store, given.run)
    return _told(given, store, _goes_on(store, given.run))


def step(given: argparse.Namespace, home: Home) -> int:
    """Train one epoch more, or to the end of the one under way, then pause."""
    store = opened(home)
    before = runs.get(store, given.run).state
    launch.step(store, given.run)
    key = "command.stepping" if before in UNDER_WAY else "command.stepped"
    return _told(given, store, strings.say(key, run=given.run))


def retry(given: argparse.Namespace, home: Home) -> int:
    """Queue a run that was stopped or went wrong."""
    store = opened(home)
    launch.retry(store, given.run)
    return _told(given, store, _goes_on(store, given.run))


def _told(given: argparse.Namespace, store: Store, text: str) -> int:
    tell(given, {"id": given.run, "state": runs.get(store, given.run).state}, text)
    return 0


def _goes_on(store: Store, number: int) -> str:
    """From where: the newest checkpoint that the store names, if there is one."""
    newest = next(iter(keeping.of(store, number)), None)
    if newest is None:
        return strings.say("command.queued_again", run=number)
    return strings.say("command.goes_on_from", run=number, epoch=newest.epoch, step=newest.step)


def change_queue(given: argparse.Namespace, home: Home) -> int:
    """Show the queue, or move a run in it and show it then."""
    store = opened(home)
    if given.run is None and (given.where or given.priority):
        raise BadInput("command.queue_which")
    if given.run is not None:
        _move(store, given)
    for place, run in _line(store):
        print(as_json(_brief(place, run)) if given.json else _row(place, run))
    return 0


def _move(store: Store, given: argparse.Namespace) -> None:
    if not given.where and not given.priority:
        raise BadInput("command.queue_what", run=given.run)
    runs.get(store, given.run)
    if given.priority:
        queue.set_priority(store, given.run, PRIORITIES[given.priority])
    if given.where:
        queue.move(store, given.run, given.where)


def _line(store: Store) -> list[tuple[int | None, Run]]:
    """What runs, what waits in order, what is paused; only what waits has a place."""
    waiting = list(enumerate(queue.queued(store), 1))
    return [
        *((None, run) for run in reversed(runs.listing(store, UNDER_WAY))),
        *waiting,
        *((None, run) for run in reversed(runs.listing(store, [State.PAUSED]))),
    ]


def _brief(place: int | None, run: Run) -> dict[str, object]:
    return {"id": run.id, "name": run.name, "state": run.state, "priority": LEVELS[run.priority], "place": place}


def _row(place: int | None, run: Run) -> str:
    level = "" if run.priority == queue.NORMAL else LEVELS[run.priority]
    return f"{place or '':>4}  {run.id:>5}  {run.state:<9}  {level:<6}  {one_line(run.name)}".rstrip()
