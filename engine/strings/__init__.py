"""Every word on the screen, in English and Chinese: one TOML file per area and language.

`en/knobs.toml` holds the keys `knobs.*`. Knows nothing of pages; formatting marks are `str.format` fields.
"""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

LANGUAGES = {"en": "English", "zh": "中文"}
HERE = Path(__file__).parent


@cache
def catalogue(language: str) -> dict[str, str]:
    """All sentences of one language by dotted key."""
    words: dict[str, str] = {}
    for file in sorted((HERE / language).glob("*.toml")):
        _flatten(tomllib.loads(file.read_text(encoding="utf-8")), file.stem, words)
    return words


def _flatten(tree: dict[str, Any], prefix: str, into: dict[str, str]) -> None:
    for name, value in tree.items():
        key = f"{prefix}.{name}"
        if isinstance(value, dict):
            _flatten(value, key, into)
        else:
            into[key] = value


def say(key: str, language: str = "en", /, **fields: Any) -> str:
    """The sentence behind `key`, filled with `fields`. An unknown key is a programming error: KeyError."""
    return catalogue(language)[key].format(**fields)


def reason(stored: dict[str, Any] | None, language: str = "en") -> str:
    """The sentence of a stored reason `{"key": ..., "fields": {...}}`; empty when there is none."""
    return "" if stored is None else say(stored["key"], language, **stored["fields"])


def known(key: str, language: str = "en") -> bool:
    """Whether the catalogue has this key."""
    return key in catalogue(language)
