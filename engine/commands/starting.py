"""Commands that change something: train, stop. Prints; decides nothing about runs."""

import argparse
import json
import sys
import time

from tqdm import tqdm

from engine import strings
from engine.config import RunConfig
from engine.jobs import launch
from engine.store import runs
from engine.store.connect import Store, open_store
from engine.store.home import Home
from engine.store.runs import Run, State
from engine.strings import figures

# Seconds between two looks at a run that is waited for.
LOOK = 0.2
GOOD = (State.FINISHED, State.STOPPED)
# The exit code of shells for Ctrl-C.
INTERRUPTED = 130


def train(given: argparse.Namespace, home: Home) -> int:
    """Queue a run; with `--wait`, follow it to its end."""
    values = {name.removeprefix("knob-"): value for name, value in vars(given).items() if name.startswith("knob-") and value is not None}
    config = RunConfig.from_flat(values)
    store = open_store(home)
    number = launch.submit(store, config)
    if not given.wait:
        print(json.dumps({"id": number}) if given.json else strings.say("command.queued", run=number))
        return 0
    try:
        run = _follow(store, number, quiet=given.json)
    except KeyboardInterrupt:
        print(strings.say("command.goes_on", run=number), file=sys.stderr)
        return INTERRUPTED
    print(json.dumps({"id": number, "state": run.state, "summary": run.summary}) if given.json else _end(run))
    return 0 if run.state in GOOD else 1


def _follow(store: Store, number: int, quiet: bool) -> Run:
    """Wait until the run has ended, a bar of epochs on standard error meanwhile."""
    run = runs.get(store, number)
    with tqdm(total=run.knobs["epochs"], unit="epoch", desc=run.name, disable=quiet or not sys.stderr.isatty()) as bar:
        while not run.state.ended:
            time.sleep(LOOK)
            run = runs.get(store, number)
            bar.update(run.summary.get("epoch", 0) - bar.n)
            bar.set_postfix_str(_now(run), refresh=False)
            if launch.supervisor_version(store) is None:
                launch.ensure_supervisor(store)
    return run


def _now(run: Run) -> str:
    return f"val {figures.loss(run.summary.get('last_val_loss'))}, {figures.percent(run.summary.get('last_val_accuracy'))}"


def _end(run: Run) -> str:
    if run.state is not State.FINISHED:
        return strings.say("command.ended", run=run.id, state=run.state, what=strings.reason(run.reason))
    summary = run.summary
    accuracy, loss = figures.percent(summary.get("val_accuracy")), figures.loss(summary.get("val_loss"))
    return strings.say("command.finished", run=run.id, accuracy=accuracy, loss=loss, epoch=summary.get("best_epoch", 0))


def stop(given: argparse.Namespace, home: Home) -> int:
    """Ask a run to stop."""
    store = open_store(home)
    before = runs.get(store, given.run).state
    launch.stop(store, given.run)
    if given.json:
        print(json.dumps({"id": given.run, "state": runs.get(store, given.run).state}))
    else:
        print(strings.say("command.ended_before" if before.ended else "command.stopping", run=given.run, state=before))
    return 0
