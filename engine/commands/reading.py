"""Commands that only read: runs, show. Each prints a text for people or JSON for programs."""

import argparse
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from engine import strings
from engine.commands.changing import LEVELS
from engine.commands.output import as_json, opened, shown_whole
from engine.errors import NotFound
from engine.folders import one_line
from engine.store import attempts, queue, records, runs, verdicts
from engine.store.attempts import Past
from engine.store.connect import Store
from engine.store.home import Home
from engine.store.runs import Run, State
from engine.strings import figures, inherited


def list_runs(given: argparse.Namespace, home: Home) -> int:
    """Every run, newest first; with `--json` one object a line."""
    for run in runs.listing(opened(home), [State(name) for name in given.state], given.limit):
        print(as_json(_brief(run)) if given.json else _line(run))
    return 0


def _brief(run: Run) -> dict[str, Any]:
    return {"id": run.id, "name": run.name, "kind": run.kind, "state": run.state, "summary": run.summary}


def _line(run: Run) -> str:
    accuracy = figures.percent(run.summary.get("val_accuracy"))
    text = f"{run.id:>5}  {run.state:<13}  {accuracy:>7}  {run.summary.get('verdict') or '':<18}  {one_line(run.name)}"
    return text[: shutil.get_terminal_size((160, 24)).columns]


def show(given: argparse.Namespace, home: Home) -> int:
    """One run, whole."""
    store = opened(home)
    run = runs.get(store, given.run)
    facts = _facts(store, run)
    if given.history:
        facts["history"] = _history(store, run.id)
    print(as_json(facts) if given.json else shown_whole(_text(facts)))
    return 0


def _facts(store: Store, run: Run) -> dict[str, Any]:
    test = runs.test_result(store, run.id)
    return {
        **_brief(run), "reason": strings.reason(run.reason) or None,
        "priority": LEVELS[run.priority], "place": _place(store, run),
        "parents": runs.parents(store, run.id), "children": runs.children(store, run.id),
        "config": run.knobs, "effective": run.knobs, "numerics": run.numerics, "attempt": run.attempt,
        "attempts": [_attempt(past) for past in attempts.told(store, run.id)],
        "created_at": run.created_at, "started_at": run.started_at, "ended_at": run.ended_at,
        "test": None if test is None else vars(test), "verdict": _verdict(store, run.id), "not_taken": _not_taken(store, run.id),
    }  # fmt: skip


def _verdict(store: Store, number: int) -> dict[str, Any] | None:
    """What was last said of it; None where nothing was, or another version said it."""
    with suppress(NotFound):
        said = verdicts.newest(store, number)
        return None if said is None else said.as_dict()
    return None


def _not_taken(store: Store, number: int) -> dict[str, str]:
    """Of the weights that it began with, the tensors that were left, each with the reason."""
    event = records.last_event(store, number, "weights")
    return inherited.not_taken(None if event is None else event.data)


def _place(store: Store, run: Run) -> int | None:
    """Where it stands in the queue, 1 for the next; None when it does not wait there."""
    line = [other.id for other in queue.queued(store)] if run.state is State.QUEUED else []
    return line.index(run.id) + 1 if run.id in line else None


def _attempt(past: Past) -> dict[str, Any]:
    return vars(past) | {"reason": strings.reason(past.reason) or None}


def _history(store: Store, number: int) -> dict[str, dict[str, list[Any]]]:
    series = records.history(store, number)
    return {
        name: {column: [getattr(row, column) for row in rows] for column in ("step", "epoch", "value")} for name, rows in series.items()
    }


def _text(facts: dict[str, Any]) -> str:
    lines = [f"{one_line(facts['name'])} ({facts['state']})", *([_flat(facts["reason"])] if facts["reason"] else []), *_relations(facts)]
    for part in ("summary", "test", "config", "numerics"):
        lines += ["", part, *(f"  {one_line(name):<18} {_value(value)}" for name, value in (facts[part] or {}).items())]
    if facts["not_taken"]:
        lines += ["", strings.say("run.config.not_taken"), *(f"  {_flat(line)}" for line in inherited.left(facts["not_taken"], "en"))]
    if len(facts["attempts"]) > 1:
        told = (f"  {one['number']:<3} {one['state']:<13} {_flat(one['reason'] or '')}".rstrip() for one in facts["attempts"])
        lines += ["", "attempts", *told]
    for name, columns in facts.get("history", {}).items():
        rows = zip(*columns.values(), strict=True)
        lines += ["", one_line(name), *(f"  {epoch:>5} {step:>8}  {_value(value)}" for step, epoch, value in rows)]
    return "\n".join(lines)


def _flat(sentence: str) -> str:
    """On one line, however long."""
    return " ".join(sentence.split())


def _relations(facts: dict[str, Any]) -> Iterator[str]:
    """Place, parents and children, where there is something to say of them."""
    if facts["place"] is not None:
        yield strings.say("command.show_place", place=facts["place"], priority=facts["priority"])
    for name in ("parents", "children"):
        if facts[name]:
            yield strings.say(f"command.show_{name}", runs=", ".join(map(str, facts[name])))


def _value(value: Any) -> str:
    """A fact as it is read, what is in it one after the other."""
    if isinstance(value, Mapping):
        return ", ".join(f"{one_line(str(name))} {_value(inner)}" for name, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_value, value))
    return figures.short(value) if isinstance(value, float) else _flat(str(value))
