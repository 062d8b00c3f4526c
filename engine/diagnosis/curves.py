"""Recorded curves from anywhere, replayed: JSON lines in, a verdict each out. Looks at training and validation numbers only.

A line may be anything: what is no curve is answered with the reason, never with an exception.
"""

import gzip
import io
import json
import math
import os
import selectors
import stat
import zlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np

from engine.diagnosis.case import finite
from engine.diagnosis.history import History
from engine.diagnosis.judging import alarms, judge
from engine.diagnosis.verdict import Verdict
from engine.errors import BadInput
from engine.strings import say

GZIP = b"\x1f\x8b"
UTF_8 = "utf-8-sig"
"""A text from Windows may begin with a mark that is no part of its first line."""
NONBLOCK = getattr(os, "O_NONBLOCK", 0)
"""Windows has neither this nor named pipes in folders."""
MOST_CLASSES = 1_000_000
"""More than any list of classes has; a number beyond is a mistake. Counting so many takes a quarter of a second."""
MOST_TEXT = 2**27
"""Characters of a line: a million epochs of four series with all their digits have 96 million."""
MOST_VALUES = 2**23
"""Commas in a line: a million epochs of eight series have fewer. To judge so many numbers takes up to 4 GB."""
MOST_PASSED, BLOCK = 2**30, 2**20
"""Characters of too long a line that are passed over to reach the next, and how many at once; what goes on is taken to have no end."""
ROUNDING = 1e-6
"""As far beyond its bounds a loss or an accuracy may lie: float32 makes 1.0000001 of 1."""
LOSSES, ACCURACIES = ("train_loss", "val_loss"), ("train_accuracy", "val_accuracy")

Numbers = list[float | None]
Unread = Literal["no_run", "too_long"]
"""Why a line was not read as a run."""


def replay(run: Mapping[str, Any]) -> tuple[Verdict, dict[str, Any]]:
    """The verdict at the end of one run's curves, and what is told of it.

    `first_alarm` and `first_watch` are the places in the lists, from 0, at which overfitting and a watch were first raised, by what stood
    in the lists until there; `best_epoch` counts from 1, as in every verdict. `reason` is there where such curves cannot be judged.
    """
    losses = {name: _series(run.get(name)) for name in LOSSES}
    reason = _impossible(losses)
    history = _history(run, losses if reason is None else {})
    verdict, raised = judge(history), alarms(history)
    told = {
        "run": _label(run.get("run")), "verdict": verdict.name, "tier": verdict.tier, "first_alarm": _place(raised.overfitting),
        "first_watch": _place(raised.watch), "best_epoch": verdict.best_epoch,
    }  # fmt: skip
    if reason is None and verdict.name == "too_early":
        reason = _missing(run, losses)
    return verdict, told if reason is None else told | {"reason": reason}


def _label(given: Any) -> str | float | None:
    """What the run is called: a name or a number. Anything else is none: JSON has no word for NaN."""
    return given if isinstance(given, str | int) or (isinstance(given, float) and math.isfinite(given)) else None


def _place(epoch: int | None) -> int | None:
    return None if epoch is None else epoch - 1


def lines(file: Path) -> Iterator[tuple[int, Mapping[str, Any] | Unread]]:
    """Line number and run of every line that is not empty, of a plain or gzipped file or pipe; for a line without a run, why.

    Raises OSError when the file cannot be read, BadInput for a pipe into which nobody writes and for a line without an end.
    """
    with io.BufferedReader(_Patient(file)) as opened, _text(opened) as text:
        for number, line in enumerate(_readable(_cut(text)), 1):
            if line is None:
                yield number, "too_long"
            elif not line.isspace():
                yield number, _object(line)


class _Patient(io.FileIO):
    """A file that waits for whoever is to write into it, and not for nobody: a pipe without a writer is at its end."""

    def __init__(self, file: Path) -> None:
        super().__init__(file, opener=lambda name, flags: os.open(name, flags | NONBLOCK))

    def readinto(self, buffer: Any) -> int:
        """At least one byte, or 0 at the end."""
        while (read := super().readinto(buffer)) is None:
            with selectors.DefaultSelector() as waiting:  # select itself knows no descriptor above 1,023
                waiting.register(self, selectors.EVENT_READ)
                waiting.select()
        return read


def _text(opened: "io.BufferedReader[_Patient]") -> IO[str]:
    """Unpacked where it is packed. Of a pipe only the first byte may be there yet, with which no JSON begins."""
    head = opened.peek(len(GZIP))[: len(GZIP)]
    if not head and stat.S_ISFIFO(os.fstat(opened.fileno()).st_mode):
        raise BadInput("command.curves_no_writer", file=str(opened.name))
    packed = bool(head) and GZIP.startswith(head)
    return gzip.open(opened, "rt", encoding=UTF_8, errors="replace") if packed else io.TextIOWrapper(opened, UTF_8, "replace")


def _readable(text: Iterable[str | None]) -> Iterator[str | None]:
    """The lines up to where a packed file breaks off."""
    try:
        yield from text
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise OSError(str(error)) from error


def _cut(text: IO[str]) -> Iterator[str | None]:
    """The lines; None for one that is too long, of which no more is kept."""
    for number in count(1):
        line: str | None = text.readline(MOST_TEXT + 1)
        if not line:
            return
        if len(line) > MOST_TEXT and not line.endswith("\n"):
            line = None
            _pass_over(text, number)
        yield line


def _pass_over(text: IO[str], number: int) -> None:
    for _ in range(MOST_PASSED // BLOCK):
        part = text.readline(BLOCK)
        if not part or part.endswith("\n"):
            return
    raise BadInput("command.curves_endless", line=number)


def _object(line: str) -> Mapping[str, Any] | Unread:
    if line.count(",") > MOST_VALUES:
        return "too_long"
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return "no_run"
    return found if isinstance(found, Mapping) else "no_run"


def _history(run: Mapping[str, Any], losses: Mapping[str, Numbers]) -> History:
    """`train_loss` is a clean evaluation, so it is the probe too. Where nobody says how many pictures there were, none are counted."""
    train, val = (losses.get(name, []) for name in LOSSES)
    train_accuracy, val_accuracy = (_shares(_series(run.get(name))) for name in ACCURACIES)
    n_probe, n_val, classes = (_count(run.get(name)) for name in ("n_train", "n_val", "num_classes"))
    counts = (1,) * classes if classes is not None and 2 <= classes <= MOST_CLASSES else ()
    return History(val, val_accuracy, train, train_accuracy, train, n_probe, n_val, counts, planned_epochs=0)


def _impossible(losses: Mapping[str, Numbers]) -> str | None:
    """The reason where a loss is below zero, as no cross-entropy is."""
    negative = [name for name, values in losses.items() if np.any(finite(values) < -ROUNDING)]
    return say("command.curves_negative", series=", ".join(negative)) if negative else None


def _missing(run: Mapping[str, Any], losses: Mapping[str, Numbers]) -> str | None:
    """The reason where no epoch has both losses."""
    if all(_number(run.get(name)) is not None for name in LOSSES):
        return say("command.curves_an_epoch")
    train, val = (np.isfinite(finite(losses[name])) for name in LOSSES)
    common = min(len(train), len(val))
    if np.any(train[:common] & val[:common]):
        return None
    empty = [name for name, known in zip(LOSSES, (train, val), strict=True) if not known.any()]
    return say("command.curves_missing", series=", ".join(empty)) if empty else say("command.curves_apart")


def _shares(accuracies: Numbers) -> Numbers:
    """Accuracies in 0..1: those in percent are divided by 100, those that are neither are left out."""
    known = finite(accuracies)
    low, high = np.nanmin(known, initial=0), np.nanmax(known, initial=0)
    if low < -ROUNDING or high > 100 * (1 + ROUNDING):
        return []
    return accuracies if high <= 1 + ROUNDING else [None if value is None else value / 100 for value in accuracies]


def _series(given: Any) -> Numbers:
    """Numbers, and None for whatever is none."""
    return [_number(value) for value in given] if isinstance(given, list) else []


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return float("inf")


def _count(value: Any) -> int | None:
    number = _number(value)
    return int(number) if number is not None and 1 <= number < 2**53 else None
