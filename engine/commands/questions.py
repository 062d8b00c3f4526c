"""Commands that ask the servant: probe, predict. Waits for the answer with a limit, and says so when none comes."""

import argparse
from pathlib import Path
from typing import Any

from engine import strings
from engine.commands.knobs import given_config
from engine.commands.output import opened, tell
from engine.errors import AthanorError, NotFound
from engine.folders import shown
from engine.jobs import launch
from engine.store import runs
from engine.store.connect import Store
from engine.store.home import Home
from engine.strings import figures

# Seconds: a cold start of torch and a probe of a large network take about a minute.
PATIENCE = 180
# Classes told of each picture.
TOP = 5


def probe(given: argparse.Namespace, home: Home) -> int:
    """Measure a config before launching it."""
    config = given_config(given)
    store = opened(home)
    answer = _ask(store, "probe", {"config": config.model_dump(mode="json")}, given.patience)
    tell(given, answer, str(answer))
    return 0


def predict(given: argparse.Namespace, home: Home) -> int:
    """What a trained run sees in pictures: the likeliest classes of each."""
    return 0


def _ask(store: Store, kind: str, payload: dict[str, Any], patience: float) -> dict[str, Any]:
    """The servant's answer. Raises AthanorError when none comes in time, and what the servant says is wrong."""
    raise NotImplementedError
