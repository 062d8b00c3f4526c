"""Runs from the manifests in their folders into a database that does not have them. Starts nothing, overwrites nothing."""

import base64
import hashlib
import re
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.exc import DataError, IntegrityError

from engine import strings
from engine.config import CONFIG_VERSION, RunConfig, read_value
from engine.config.versions import current
from engine.diagnosis.verdict import Prescription, Verdict
from engine.diagnosis.words import WORDLESS, explain, remedy
from engine.folders import one_line
from engine.plain_files import all_plain, open_plain
from engine.store import blobs, numbering
from engine.store.home import Home
from engine.store.manifest import MOST_SEQ, AttemptForm, CheckpointForm, Manifest, Reason, RunForm, read
from engine.store.tables import advice, attempts, checkpoints, events, lineage, runs, series, tags, tests

# Of as many digits as a house of many years has runs; a longer name would use up the numbers that are left.
_FOLDER = re.compile(r"[0-9]{6,8}")
_UNDER_WAY = ("starting", "running")
# As `records` calls the event: that module needs an open store.
VERDICT = "verdict"
REASON = {"key": "errors.rebuilt", "fields": {}}
# Times as long as the run that it is for: what is prescribed here takes four at most.
MOST_COST = 1000.0


@dataclass(frozen=True)
class Rebuilt:
    """The numbers of the runs restored, of the folders without a manifest, and of those whose manifest is of no use."""

    runs: list[int] = field(default_factory=list)
    without_manifest: list[int] = field(default_factory=list)
    damaged: list[int] = field(default_factory=list)

    @property
    def found(self) -> bool:
        """Whether there was any run's folder."""
        return bool(self.runs or self.without_manifest or self.damaged)

    @property
    def counts(self) -> dict[str, int]:
        """For a sentence."""
        return {"restored": len(self.runs), "lost": len(self.without_manifest) + len(self.damaged)}


def restore(connection: sa.Connection, home: Home) -> Rebuilt:
    """Restore every run that the database does not have; what was under way is `lost` then, what was queued is paused."""
    known = set(connection.execute(sa.select(runs.c.id)).scalars())
    outcome, parents, tried = Rebuilt(), list[dict[str, Any]](), list[dict[str, Any]]()
    for number in _folders(home):
        if number in known:
            continue
        if not home.manifest(number).exists():
            outcome.without_manifest.append(number)
            continue
        try:
            found = _carried(home, number)
            with connection.begin_nested():
                _insert(connection, home, found)
        except (ValueError, OSError, IntegrityError, DataError):  # ValueError: pydantic's, ours, and of text that is none
            outcome.damaged.append(number)
            continue
        outcome.runs.append(number)
        parents += [{"run": number, "parent": each.parent, "relation": each.relation} for each in found.lineage]
        tried += [{"run": number, **each.model_dump()} for each in found.advice[:1]]
    _descend(connection, parents, lineage)
    _descend(connection, tried, advice)
    _keep_numbers(connection, max((*outcome.without_manifest, *outcome.damaged), default=0))
    return outcome


def _folders(home: Home) -> list[int]:
    if not home.runs.is_dir():
        return []
    names = [
        folder.name for folder in home.runs.iterdir() if _FOLDER.fullmatch(folder.name) and folder.is_dir() and not folder.is_symlink()
    ]
    return sorted(int(name) for name in names if int(name) and home.run(int(name)).name == name)


def _carried(home: Home, number: int) -> Manifest:
    """The manifest of a folder in which nothing leads out of it or keeps a reader waiting. Raises ValueError or OSError."""
    if not all_plain(home.run(number)):
        raise ValueError(f"{home.run(number)} holds more than plain files and folders")
    return read(home, number)


def _insert(connection: sa.Connection, home: Home, found: Manifest) -> None:
    """Raises ValueError when a part makes no sense, before or after others went in: within a savepoint."""
    mark = {"run": found.run.id}
    connection.execute(sa.insert(runs).values(_run(found.run)))
    for table, rows in (
        (attempts, [_attempt(each) for each in found.attempts]),
        (events, [each.model_dump() for each in found.events if each.kind != VERDICT or _can_be_said(each.data)]),
        (checkpoints, [each.model_dump() for each in found.checkpoints if _whole(home, found.run.id, each)]),
        (tests, [found.test.model_dump()] if found.test else []),
        (series, [_series(each.name, each.data) for each in found.series]),
        (tags, [each.model_dump() for each in found.tags]),
    ):
        if rows:
            connection.execute(sa.insert(table), [mark | row for row in rows])


def _run(form: RunForm) -> dict[str, Any]:
    if form.config_version > CONFIG_VERSION:
        raise ValueError(f"config version {form.config_version} is newer than {CONFIG_VERSION}")
    RunConfig.model_validate(current(form.config, form.config_version))
    row = form.model_dump(exclude_unset=True) | {"name": one_line(form.name), "reason": _said(form.reason)}
    if "preparing" in row["summary"]:
        row["summary"]["preparing"] = None  # of a moment that is over
    if form.numerics is None:
        row["numerics"] = sa.null()
    if form.state in _UNDER_WAY:
        row |= {"state": "lost", "reason": REASON, "ended_at": form.ended_at or time.time()}
    elif form.state == "queued":
        row |= {"state": "paused", "reason": REASON}
    return row


def _said(reason: Reason | None) -> Any:
    """The reason as it is stored. Raises ValueError when there are no words for it."""
    if reason is None:
        return sa.null()
    try:
        strings.reason(reason.model_dump())
    except WORDLESS as error:
        raise ValueError(f"no words for {reason.key}") from error
    return reason.model_dump()


def _can_be_said(verdict: dict[str, Any]) -> bool:
    """Whether there are words for the verdict in every language, and for what it prescribes; one of a newer Athanor is left out."""
    try:
        read = Verdict.from_dict(verdict)
        for language in strings.LANGUAGES:
            explain(read, language)
            for each in read.prescriptions:
                remedy(each, language)
        return len({each.name for each in read.prescriptions}) == len(read.prescriptions) and all(map(_can_be_tried, read.prescriptions))
    except WORDLESS:
        return False


def _can_be_tried(prescription: Prescription) -> bool:
    """Whether its knobs may have such values and its cost can be counted with. Raises ValueError and KeyError when they may not."""
    for knob, change in prescription.changes.items():
        for value in change:
            read_value(knob, value)
    return 0 < prescription.cost <= MOST_COST


def _attempt(form: AttemptForm) -> dict[str, Any]:
    row = form.model_dump() | {"reason": _said(form.reason), "token": secrets.token_hex(16)}
    return row | ({"state": "lost", "reason": REASON, "ended_at": time.time()} if form.state in _UNDER_WAY else {})


def _whole(home: Home, run: int, form: CheckpointForm) -> bool:
    """Whether the file that commits the checkpoint is the one that the row names, and all have their size; a resume verifies them."""
    if home.checkpoint_size(run, form.name) != form.bytes:
        return False
    try:
        with open_plain(home.checkpoints(run) / f"{form.name}.json") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == form.sha256
    except OSError:
        return False


def _series(name: str, data: str) -> dict[str, Any]:
    blob = base64.b64decode(data, validate=True)
    points = blobs.unpacked(blob)
    whole = (points.step, points.epoch, points.attempt)
    ascending = len(points.seq) > 0 and 0 < points.seq[0] <= points.seq[-1] < MOST_SEQ and (points.seq[1:] > points.seq[:-1]).all()
    if not (
        ascending and all(_sensible(column) for column in whole) and np.isfinite(points.time).all() and not np.isinf(points.value).any()
    ):
        raise ValueError(f"the series {name[:80]} makes no sense")
    return {"name": name, "first_seq": int(points.seq[0]), "last_seq": int(points.seq[-1]), "points": len(points.seq), "data": blob}


def _sensible(column: Any) -> bool:
    return bool((column >= 0).all() and (column < 2**31).all())


def _descend(connection: sa.Connection, rows: list[dict[str, Any]], table: sa.Table) -> None:
    """A parent that is nowhere is forgotten."""
    known = set(connection.execute(sa.select(runs.c.id)).scalars())
    unique = {(row["run"], row["parent"]): row for row in rows if row["parent"] in known and row["parent"] != row["run"]}
    for row in unique.values():
        connection.execute(sa.insert(table).values(row))


def _keep_numbers(connection: sa.Connection, lost: int) -> None:
    """A new run gets no number of a folder, restored or not: its files would be mixed with those of another."""
    if connection.dialect.name != "postgresql":
        if lost:
            numbering.retire(connection, lost)
        return
    highest = max(lost, connection.execute(sa.select(sa.func.coalesce(sa.func.max(runs.c.id), 0))).scalar_one())
    if highest:
        forward = "SELECT setval('runs_id_seq', greatest(:highest, (SELECT last_value FROM runs_id_seq)))"
        connection.execute(sa.text(forward), {"highest": highest})
