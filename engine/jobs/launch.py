"""What pages and the command line call: queue a run, stop it, see that a supervisor is there. Imports no torch."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from engine import __version__
from engine.catalog import ARCHITECTURES, DATASETS
from engine.config import CONFIG_VERSION, RunConfig
from engine.config.data import SPLIT_KNOBS, DataConfig
from engine.config.model import OF_WEIGHTS, RUN
from engine.diagnosis import sayable
from engine.errors import BadInput, BadKnob, NotFound, Refused
from engine.folders import data_roots, one_line
from engine.jobs import bell, lease
from engine.jobs.identity import alive, lives
from engine.jobs.terms import SUPERVISOR
from engine.store import attempts, budget, keeping, records, runs, transitions, verdicts
from engine.store.connect import Store
from engine.store.home import PROJECT, Home
from engine.store.records import PAUSE, STEP, STOP
from engine.store.runs import UNDER_WAY, Advice, State

# The supervisors this process has started for a folder and not yet seen the end of.
_started: dict[Home, list[subprocess.Popen[bytes]]] = {}


def submit(
    store: Store, config: RunConfig, launch_key: str | None = None, parent: int | None = None, pause_after: int | None = None
) -> int:
    """Queue a run and see that somebody takes it. The same `launch_key` twice is the same run, however often it is pressed.

    `parent` is the run of which this is a changed copy; at the end of epoch `pause_after` it pauses. Raises DataError when the
    dataset is neither known nor a folder that the supervisor finds, too, NotFound or BadKnob when it is to begin with the weights of a
    run that has none, that is another network or that has learned from what is put aside here, and Refused when that run is still under
    way, the disk budget is spent or the supervisor serves another store.
    """
    return _queue(store, config, launch_key=launch_key, parent=parent, pause_after=pause_after)


def again(store: Store, number: int, changes: Mapping[str, Any], launch_key: str | None = None, advice: Advice | None = None) -> int:
    """A changed copy of a run, queued, which computes as that one did. Raises NotFound, BadKnob and what `submit` raises."""
    run = runs.get(store, number)
    before = RunConfig.model_validate(run.config)
    config = before.changed(**changes)
    inherited = run.numerics if _computed_by(config) == _computed_by(before) else None
    return _queue(store, config, launch_key=launch_key, parent=number, numerics=inherited, advice=advice)


def follow(store: Store, number: int, prescription: str) -> int:
    """Queue what the newest verdict on a run prescribes under this name; the same twice is one run.

    Raises NotFound, also of a verdict that cannot be read, and BadInput with what is prescribed when this is not.
    """
    verdict = verdicts.newest(store, number)
    known = {} if verdict is None else {each.name: each for each in sayable(verdict) if each.changes}
    if verdict is None or prescription not in known:
        runs.get(store, number)
        raise BadInput("errors.not_prescribed", run=number, name=prescription[:80], known=", ".join(known) or "–")
    changes = {knob: to for knob, (_, to) in known[prescription].changes.items()}
    said = json.dumps(changes, sort_keys=True)
    return again(store, number, changes, f"follow-{number}-{prescription}-{said}"[:200], Advice(verdict.name, prescription))


def _computed_by(config: RunConfig) -> tuple[str, str, str]:
    """What decides which numerics a run may have."""
    return config.model.architecture, config.budget.precision, config.budget.device


def _queue(store: Store, config: RunConfig, **more: Any) -> int:
    lease.require_ours(store)
    if config.data.dataset not in DATASETS:
        lease.require_tree(store.home, config.data.dataset)
    donor = config.model.weights_run
    if donor is not None:
        _require_weights(store, config, donor)
    budget.require_room(store)
    number = runs.create(store, runs.New(_name(config), config.model_dump(mode="json"), CONFIG_VERSION, donor=donor, **more))
    ensure_supervisor(store)
    return number


def _require_weights(store: Store, config: RunConfig, donor: int) -> None:
    """Raises NotFound when that run has no weights to begin with, BadKnob when they are of another network or have learned from pictures
    that are put aside here, and Refused while they still change. What of them fits, the new run finds out."""
    giving = runs.get(store, donor)
    theirs = RunConfig.model_validate(giving.config).model
    if not giving.state.ended:
        raise Refused("errors.weights_still_change", run=donor, state=giving.state)
    best = keeping.best(store, donor)
    if not store.home.checkpoint_files(donor, best.name):
        raise NotFound("servant.no_checkpoint", run=donor)
    differs = [f"{name} = {value}" for name in OF_WEIGHTS if (value := getattr(theirs, name)) != getattr(config.model, name)]
    if theirs.architecture != config.model.architecture:
        differs.insert(0, ARCHITECTURES[theirs.architecture].label)
    fields = {"knob": "weights", "value": config.model.weights, "allowed": "none, imagenet, run:NUMBER"}
    if differs:
        raise BadKnob("errors.weights_of_another", run=donor, theirs=", ".join(differs), **fields)
    for number, data in _learned_from(store, donor):
        parted = [f"{name} = {getattr(data, name)}" for name in SPLIT_KNOBS if getattr(data, name) != getattr(config.data, name)]
        if data.dataset == config.data.dataset and parted:
            raise BadKnob("errors.weights_have_seen", run=number, theirs=", ".join(parted), **fields)


def _learned_from(store: Store, number: int) -> Iterator[tuple[int, DataConfig]]:
    """A run and those whose weights came to it, each with its data; one that was deleted ends the row."""
    donor: int | None = number
    while donor is not None:
        with contextlib.suppress(NotFound):
            config = RunConfig.model_validate(runs.get(store, donor).config)
            yield donor, config.data
            donor = config.model.weights_run
            continue
        return


def _name(config: RunConfig) -> str:
    known = DATASETS.get(config.data.dataset)
    dataset = known.label if known else one_line(PurePath(config.data.dataset).name)
    return f"{dataset}, {ARCHITECTURES[config.model.architecture].label}"


def stop(store: Store, number: int) -> None:
    """Ask a run to stop; one that waits is stopped at once, an ended one stays as it is. Raises NotFound."""
    while not runs.get(store, number).state.ended:  # it may be claimed, or queued again, between two looks
        if transitions.stop_waiting(store, number):
            return
        if records.command(store, number, STOP):
            ensure_supervisor(store)
            return


def pause(store: Store, number: int) -> None:
    """Ask a run to save where it is and free its slot; a queued one waits from now on. Raises NotFound, and Refused once it has ended."""
    while (state := runs.get(store, number).state) is not State.PAUSED:
        if state.ended:
            raise Refused("errors.not_pausable", run=number, state=state)
        if transitions.pause_queued(store, number):
            return
        if records.command(store, number, PAUSE):
            ensure_supervisor(store)
            return


def resume(store: Store, number: int) -> None:
    """Queue a paused run; it goes on at the very step where it was. Raises NotFound, and Refused when it is not paused."""
    budget.require_room(store)
    transitions.resume(store, number)
    ensure_supervisor(store)


def step(store: Store, number: int) -> None:
    """Let a paused run train one epoch more, or one under way no further than to the end of its epoch; then it pauses.

    Raises NotFound, and Refused when it is neither.
    """
    while True:
        run = runs.get(store, number)
        if run.state in UNDER_WAY:
            if records.command(store, number, STEP):
                return
        else:
            budget.require_room(store)
            transitions.step(store, number, run.summary.get("epoch", 0) + 1)
            ensure_supervisor(store)
            return


def retry(store: Store, number: int) -> None:
    """Queue a run that was stopped or went wrong; it goes on from its last whole checkpoint. Raises NotFound, Refused.

    Without one it begins anew: the run whose weights it begins with must still be there.
    """
    run = runs.get(store, number)
    if str(run.knobs.get("weights", "")).startswith(RUN) and not keeping.of(store, number):
        config = RunConfig.model_validate(run.config)
        _require_weights(store, config, config.model.weights_run or 0)
    budget.require_room(store)
    transitions.retry(store, number)
    ensure_supervisor(store)


def supervisor_version(store: Store) -> str | None:
    """The version of the supervisor that is alive now, or None."""
    seen = attempts.presence(store, SUPERVISOR)
    return seen.version if seen is not None and alive(seen.identity) else None


def ensure_supervisor(store: Store) -> None:
    """Wake the supervisor of this folder; start one, detached, when there is none, or when the one there is older than we are.

    The old one gives out what it has begun to and goes, the new one waits for its lock; workers outlive both, so no run notices.
    Raises Refused when the one that is there serves another store.
    """
    lease.require_ours(store)
    seen = attempts.presence(store, SUPERVISOR)
    there = seen is not None and alive(seen.identity)
    rang = bell.ring(store.home.bell) and (there or seen is None)  # a bell may outlast its owner by an instant
    if seen is not None and there and _older(seen.version, __version__):
        with contextlib.suppress(ProcessLookupError):  # gone in between
            os.kill(seen.identity.pid, signal.SIGTERM)
        start_supervisor(store.home)
    elif not rang and not _starting(store.home):
        start_supervisor(store.home)


def _older(one: str, other: str) -> bool:
    """Whether a version comes before another; two of different age would else replace each other for ever."""
    return _numbers(one) < _numbers(other)


def _numbers(version: str) -> list[int]:
    """The numbers at its start: 0.4.0rc1 counts as 0.4.0."""
    return [int(part) for part in re.findall(r"\d+", re.split(r"[^\d.]", version)[0])]


def _starting(home: Home) -> bool:
    """Whether a supervisor of this folder that this process has started lives: it will look into the queue by itself."""
    _started[home] = [child for child in _started.get(home, []) if child.poll() is None]
    return any(lives(child.pid) for child in _started[home])


def start_supervisor(home: Home) -> None:
    """A new session, so that neither Ctrl-C nor the end of the server reaches it. Two at once: the lock keeps one.

    It works in another folder than we, so our data roots are named to it by their whole paths.
    """
    home.root.mkdir(parents=True, exist_ok=True)
    roots = os.pathsep.join(str(root.absolute()) for root in data_roots(home.root)[:-1])
    with home.supervisor_log.open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "engine.jobs.supervisor", "--home", str(home.root)],
            cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            env=os.environ | {"ATHANOR_DATA": roots},
        )  # fmt: skip
    _started.setdefault(home, []).append(child)
