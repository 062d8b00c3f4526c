"""How a command opens the store, and what it prints: a text for people, or with `--json` one object for programs.

What a terminal would obey is shown instead: names, reasons and files come from anywhere.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from typing import Any

from engine import strings
from engine.store import damage
from engine.store.connect import Store, open_store
from engine.store.home import Home

# Tab and line feed stay; a carriage return goes. Then what turns the direction of the text around.
CONTROLS: dict[int, str | None] = {code: "\ufffd" for code in (*range(9), *range(11, 32), *range(127, 160))} | {13: None}
DIRECTIONS = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
CONTROLS |= {code: "\ufffd" for code in DIRECTIONS}
# The same in JSON, where they stay what they are.
ESCAPES = {code: f"\\u{code:04x}" for code in (*range(127, 160), *DIRECTIONS)}


def opened(home: Home) -> Store:
    """The store; when it had to be made anew from the run folders just now, that is said on standard error."""
    store = open_store(home)
    if store.rebuilt is not None and store.rebuilt.found:
        print(shown_whole(f"athanor: {strings.reason(damage.notice(store))}"), file=sys.stderr)
    return store


def tell(given: argparse.Namespace, facts: Mapping[str, Any], text: str) -> None:
    """One of the two, on one line or many."""
    print(as_json(facts) if given.json else shown_whole(text))


def as_json(facts: Mapping[str, Any]) -> str:
    """One line, fit for a terminal too."""
    return json.dumps(facts, ensure_ascii=False).translate(ESCAPES)


def shown_whole(text: str) -> str:
    """A text of many lines as a terminal may have it; a name in it has gone through `one_line`."""
    return text.translate(CONTROLS)
