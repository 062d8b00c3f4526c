"""Commands about what is wrong with a run: its verdict, the verdicts on recorded curves, and trying what is prescribed."""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from engine.commands.output import as_json, opened, shown_whole, tell
from engine.diagnosis import Verdict, curves, explain, remedy, sayable
from engine.errors import BadInput, NotFound
from engine.folders import one_line
from engine.jobs import launch
from engine.store import advice, runs, verdicts
from engine.store.connect import Store
from engine.store.home import Home
from engine.store.runs import Run, State
from engine.store.transitions import RETRIABLE
from engine.strings import figures, say
from engine.studies import track


def verdict(given: argparse.Namespace, home: Home) -> int:
    """What the program says of a run, or of recorded curves."""
    if (given.run is None) == (given.curves is None):
        raise BadInput("command.verdict_what")
    return _replay(given) if given.run is None else _of_run(given, opened(home))


def _of_run(given: argparse.Namespace, store: Store) -> int:
    run = runs.get(store, given.run)
    found = verdicts.newest(store, run.id)
    if found is None:
        raise NotFound("errors.no_verdict", run=run.id)
    said = explain(found, ended=run.state.ended)
    text = [f"{said.title} ({said.caption})", said.sentence, *(f"  {line}" for line in (*said.evidence, *said.notes)), said.refuted_by]
    text += filter(None, map(track.outcome, advice.followed(store, run.id)))
    text += _remedies(store, run, found)
    tell(given, {"id": run.id, **found.as_dict(), "words": vars(said)}, "\n".join(text))
    return 0


def _remedies(store: Store, run: Run, found: Verdict) -> list[str]:
    """A line for each prescription."""
    record, lines = track.tracks(advice.followed(store)), []
    for each in sayable(found):
        words = vars(remedy(each))
        if not each.changes:
            lines.append(say("command.verdict_look", **words))
            continue
        cost = say("verdict.effect.cost", time=figures.duration(track.seconds(run.summary, run.knobs["epochs"], each)))
        told = "; ".join(part for part in (*track.expected(record, each.name), cost) if part)
        changes = ", ".join(f"{knob} {before} → {after}" for knob, (before, after) in each.changes.items())
        lines.append(say("command.verdict_try", **words, name=each.name, changes=changes, told=told))
    return lines


def _replay(given: argparse.Namespace) -> int:
    """One object a line; a line that holds no run is answered with the reason. Raises BadInput when none holds one."""
    found = False
    for number, run in _lines(given.curves):
        if isinstance(run, str):
            reason = say(f"command.curves_{run}", line=number, characters=curves.MOST_TEXT, numbers=curves.MOST_VALUES)
            print(as_json(NOTHING | {"reason": reason}) if given.json else shown_whole(reason))
            continue
        found = True
        verdict, told = curves.replay(run)
        print(as_json(told) if given.json else shown_whole(_line(number, verdict, told)))
    if not found:
        raise BadInput("command.curves_none", file=given.curves)
    return 0


def _lines(file: str) -> Iterator[tuple[int, Mapping[str, Any] | curves.Unread]]:
    try:
        yield from curves.lines(Path(file))
    except OSError as error:
        raise BadInput("command.curves_unreadable", file=file, message=error.strerror or str(error)) from error


def _line(number: int, found: Verdict, told: dict[str, Any]) -> str:
    run = say("command.curve_unnamed", line=number) if told["run"] is None else one_line(str(told["run"]))
    if "reason" in told:
        return say("command.curve_without", run=run, reason=told["reason"])
    tier = "" if found.tier is None else f" ({say(f'verdict.tier.{found.tier}')})"
    places = {name: "–" if told[key] is None else told[key] for name, key in PLACES.items()}
    return say("command.curve", run=run, verdict=explain(found).title, tier=tier, **places)


PLACES = {"best": "best_epoch", "alarm": "first_alarm", "watch": "first_watch"}
# Of a line without a run.
NOTHING = {"run": None, "verdict": "too_early", "tier": None, "first_alarm": None, "first_watch": None, "best_epoch": None}


def follow(given: argparse.Namespace, home: Home) -> int:
    """Queue what is prescribed; of what was queued before, say what has become of it."""
    store = opened(home)
    child = runs.get(store, launch.follow(store, given.run, given.prescription))
    before = runs.get(store, given.run).knobs
    changes = ", ".join(f"{name} = {value}" for name, value in child.knobs.items() if value != before.get(name))
    key = "command.tried_before" if child.state.ended else "command.tried"
    said = [say(key, run=child.id, state=child.state, parent=given.run, changes=changes)]
    if child.state in RETRIABLE:
        said.append(say("command.tried_retry", run=child.id))
    elif child.state is State.PAUSED:
        said.append(say("command.tried_resume", run=child.id))
    tell(given, {"id": child.id, "parent": given.run, "state": child.state}, " ".join(said))
    return 0
