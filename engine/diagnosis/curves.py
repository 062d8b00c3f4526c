"""Recorded curves from anywhere, replayed: JSON lines in, a verdict each out. Looks at training and validation numbers only.

A line may be anything: what is no curve is answered with the reason, never with an exception.
"""

import gzip
import json
import math
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from engine.diagnosis.history import History
from engine.diagnosis.judging import alarms, judge
from engine.diagnosis.verdict import Verdict

GZIP = b"\x1f\x8b"
UTF_8 = "utf-8-sig"
"""A text from Windows may begin with a mark that is no part of its first line."""
MOST_CLASSES = 10_000_000
"""More than any list of classes has; a number beyond is a mistake."""


def replay(run: Mapping[str, Any]) -> tuple[Verdict, dict[str, Any]]:
    """The verdict at the end of one run's curves, and what is told of it.

    `first_alarm` and `first_watch` are the places in the lists, from 0, at which overfitting and a watch were first raised, by what stood
    in the lists until there; `best_epoch` counts from 1, as in every verdict.
    """
    history = _history(run)
    verdict, raised = judge(history), alarms(history)
    told = {
        "run": _label(run.get("run")), "verdict": verdict.name, "tier": verdict.tier, "first_alarm": _place(raised.overfitting),
        "first_watch": _place(raised.watch), "best_epoch": verdict.best_epoch,
    }  # fmt: skip
    return verdict, told


def _label(given: Any) -> str | float | None:
    """What the run is called: a name or a number. Anything else is none: JSON has no word for NaN."""
    return given if isinstance(given, str | int) or (isinstance(given, float) and math.isfinite(given)) else None


def _place(epoch: int | None) -> int | None:
    return None if epoch is None else epoch - 1


def lines(file: Path) -> Iterator[tuple[int, Mapping[str, Any] | None]]:
    """Line number and run of every line that is not empty, of a plain or gzipped file; None for a line that holds no object.

    Raises OSError when the file cannot be read.
    """
    with _opened(file) as text:
        for number, line in enumerate(_readable(text), 1):
            if line.strip():
                yield number, _object(line)


def _opened(file: Path) -> IO[str]:
    with file.open("rb") as head:
        packed = head.read(2) == GZIP
    return gzip.open(file, "rt", encoding=UTF_8, errors="replace") if packed else file.open(encoding=UTF_8, errors="replace")


def _readable(text: Iterable[str]) -> Iterator[str]:
    """The lines up to where a packed file breaks off."""
    try:
        yield from text
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise OSError(str(error)) from error


def _object(line: str) -> Mapping[str, Any] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, Mapping) else None


def _history(run: Mapping[str, Any]) -> History:
    """`train_loss` is a clean evaluation, so it is the probe too. Where nobody says how many pictures there were, none are counted."""
    train, val = ([_series(run.get(f"{part}_{what}")) for what in ("loss", "accuracy")] for part in ("train", "val"))
    classes = _count(run.get("num_classes")) or 0
    n_probe, n_val = (_count(run.get(name)) for name in ("n_train", "n_val"))
    counts = (1,) * min(classes, MOST_CLASSES)
    return History(val[0], val[1], train[0], train[1], train[0], n_probe, n_val, counts, planned_epochs=0)


def _series(given: Any) -> list[float | None]:
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
