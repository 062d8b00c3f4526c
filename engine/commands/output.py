"""How a command opens the store, and what it prints: a text for people, or with `--json` one object for programs."""

import argparse
import json
import sys
from collections.abc import Mapping
from typing import Any

from engine import strings
from engine.store import damage
from engine.store.connect import Store, open_store
from engine.store.home import Home


def opened(home: Home) -> Store:
    """The store; when it had to be made anew from the run folders just now, that is said on standard error."""
    store = open_store(home)
    if store.rebuilt is not None and store.rebuilt.found:
        print(f"athanor: {strings.reason(damage.notice(store))}", file=sys.stderr)
    return store


def tell(given: argparse.Namespace, facts: Mapping[str, Any], text: str) -> None:
    """One of the two, on one line or many."""
    print(json.dumps(facts, ensure_ascii=False) if given.json else text)
