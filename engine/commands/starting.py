"""The command that starts a run, and follows it to its end if asked. Prints; decides nothing about runs."""

import argparse
import json
import sys
import time
from contextlib import suppress

from tqdm import tqdm

from engine import strings
from engine.commands.knobs import given_config
from engine.commands.output import opened, tell
from engine.errors import Refused
from engine.folders import one_line
from engine.jobs import launch
from engine.store import queue, runs
from engine.store.connect import Store
from engine.store.home import Home
from engine.store.queue import PRIORITIES
from engine.store.runs import Run, State
from engine.strings import figures

# Seconds between two looks at a run that is waited for.
LOOK = 0.2
GOOD = (State.FINISHED, State.STOPPED)
# The exit code of shells for Ctrl-C.
INTERRUPTED = 130


def train(given: argparse.Namespace, home: Home) -> int:
    """Queue a run; with `--wait`, follow it to its end."""
    config = given_config(given)
    store = opened(home)
    number = launch.submit(store, config)
    if given.priority != "normal":
        with suppress(Refused):  # it has a slot already: nothing is before it
            queue.set_priority(store, number, PRIORITIES[given.priority])
    if not given.wait:
        tell(given, {"id": number}, strings.say("command.queued", run=number))
        return 0
    try:
        run = _follow(store, number, quiet=given.json)
    except KeyboardInterrupt:
        print(strings.say("command.goes_on", run=number), file=sys.stderr)
        return INTERRUPTED
    print(json.dumps({"id": number, "state": run.state, "summary": run.summary}) if given.json else _end(run))
    return 0 if run.state in GOOD else 1


def _follow(store: Store, number: int, quiet: bool) -> Run:
    """Wait until the run has ended; on standard error meanwhile a bar of epochs, or where that is no terminal a line after them."""
    before = run = runs.get(store, number)
    lines = not quiet and not sys.stderr.isatty()
    with tqdm(total=run.knobs["epochs"], unit="epoch", desc=one_line(run.name), disable=quiet or lines) as bar:
        while not run.state.ended:
            time.sleep(LOOK)
            before, run = run, runs.get(store, number)
            bar.update(run.summary.get("epoch", 0) - bar.n)
            bar.set_postfix_str(_now(run), refresh=False)
            if lines and run.summary.get("epoch", 0) > before.summary.get("epoch", 0):
                line = strings.say("command.epoch", epoch=run.summary["epoch"], epochs=run.knobs["epochs"], now=_now(run))
                print(line, file=sys.stderr, flush=True)
            if said := turn(before, run):
                bar.write(said, file=sys.stderr)
            if run.state is not State.PAUSED and launch.supervisor_version(store) is None:
                launch.ensure_supervisor(store)
    return run


def turn(before: Run, now: Run) -> str | None:
    """What somebody who waits should hear of between two looks: that the run is paused, or is tried again after a crash."""
    if now.state is State.PAUSED and before.state is not State.PAUSED:
        return strings.say("command.waits_paused", run=now.id)
    if now.crashes > before.crashes and not now.state.ended:
        return strings.say("command.tried_again", run=now.id, attempt=now.attempt, what=strings.reason(now.reason))
    return None


def _now(run: Run) -> str:
    return f"val {figures.loss(run.summary.get('last_val_loss'))}, {figures.percent(run.summary.get('last_val_accuracy'))}"


def _end(run: Run) -> str:
    if run.state is not State.FINISHED:
        return strings.say("command.ended", run=run.id, state=run.state, what=strings.reason(run.reason))
    summary = run.summary
    accuracy, loss = figures.percent(summary.get("val_accuracy")), figures.loss(summary.get("val_loss"))
    return strings.say("command.finished", run=run.id, accuracy=accuracy, loss=loss, epoch=summary.get("best_epoch", 0))
