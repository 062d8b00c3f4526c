"""Every word on the screen is there, in both languages, with the same blanks to fill. Knows no page."""

import ast
import re
import string
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from engine import errors, strings
from engine.config import KNOBS

ROOT = Path(__file__).parents[1]
WORDS = ROOT / "engine" / "strings"
AREAS = sorted({file.stem for language in strings.LANGUAGES for file in (WORDS / language).glob("*.toml")})
SPEAKERS = {"say", "t"} | {
    name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, errors.AthanorError)
}
ERROR_KEY = re.compile(r"errors(\.[a-z0-9_]+)+")


class Spoken(NamedTuple):
    """A key written out in the source, and the names of the values given with it (None: not to be seen from here)."""

    place: str
    key: str
    given: frozenset[str] | None


def blanks(sentence: str) -> set[str]:
    """The fields that `str.format` fills: `{knob.name}` needs `knob`."""
    return {re.split(r"[.\[]", field)[0] for _, field, _, _ in string.Formatter().parse(sentence) if field is not None}


def spoken(root: Path) -> list[Spoken]:
    files = [root / "app.py", *sorted(root.glob("engine/**/*.py")), *sorted(root.glob("pages/**/*.py"))]
    return [found for file in files if file.is_file() for found in _keys(ast.parse(file.read_text("utf-8")), str(file.relative_to(root)))]


def _keys(tree: ast.Module, file: str) -> Iterator[Spoken]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in SPEAKERS and node.args:
            first, names = node.args[0], [keyword.arg for keyword in node.keywords]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield Spoken(f"{file}:{node.lineno}", first.value, None if None in names else frozenset(filter(None, names)))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and ERROR_KEY.fullmatch(node.value):
            yield Spoken(f"{file}:{node.lineno}", node.value, None)


def wrong(found: Spoken, words: dict[str, str]) -> str | None:
    """What is wrong with one use of a key, in a sentence."""
    if found.key not in words:
        return f"{found.place}: no words for {found.key}"
    missing = set() if found.given is None else blanks(words[found.key]) - found.given
    return f"{found.place}: {found.key} needs {', '.join(sorted(missing))}" if missing else None


def knob_keys() -> list[str]:
    """The words that the knobs need: a label and a help each, and a name for each choice."""
    keys = [f"knobs.{name}.{word}" for name in KNOBS for word in ("label", "help")]
    chosen = {name: knob.choices for name, knob in KNOBS.items() if name != "architecture"}
    return keys + [f"knobs.{name}.options.{choice}" for name, choices in chosen.items() for choice in choices]


@pytest.mark.parametrize("area", AREAS)
def test_all_languages_have_the_same_sentences(area: str) -> None:
    keys = {language: {key for key in strings.catalogue(language) if key.startswith(f"{area}.")} for language in strings.LANGUAGES}
    assert {language: sorted(keys["en"] ^ theirs) for language, theirs in keys.items()} == dict.fromkeys(keys, [])


@pytest.mark.parametrize("language", strings.LANGUAGES)
def test_each_language_has_every_file(language: str) -> None:
    assert sorted(file.stem for file in (WORDS / language).glob("*.toml")) == AREAS


@pytest.mark.parametrize("language", strings.LANGUAGES)
def test_every_file_can_be_read(language: str) -> None:
    for file in (WORDS / language).glob("*.toml"):
        assert tomllib.loads(file.read_text("utf-8")), file


@pytest.mark.parametrize("language", strings.LANGUAGES)
def test_every_sentence_is_text_with_named_blanks(language: str) -> None:
    words = strings.catalogue(language)
    assert [key for key, text in words.items() if not isinstance(text, str) or not text.strip()] == []
    assert {
        key: sorted(unnamed) for key, text in words.items() if (unnamed := {name for name in blanks(text) if not name.isidentifier()})
    } == {}


@pytest.mark.parametrize("language", strings.LANGUAGES)
def test_the_same_blanks_in_every_language(language: str) -> None:
    english, theirs = strings.catalogue("en"), strings.catalogue(language)
    different = {key: (blanks(english[key]), blanks(theirs[key])) for key in english.keys() & theirs.keys()}
    assert {key: pair for key, pair in different.items() if pair[0] != pair[1]} == {}


def test_every_key_in_the_source_has_its_words() -> None:
    faults = [fault for found in spoken(ROOT) if (fault := wrong(found, strings.catalogue("en")))]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("language", strings.LANGUAGES)
def test_every_knob_has_its_words(language: str) -> None:
    assert [key for key in knob_keys() if not strings.known(key, language)] == []


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("say('area.unknown')", "no words for area.unknown"),
        ("strings.say('area.hello', 'zh')", "area.hello needs name"),
        ("t('area.hello', name=1)", None),
        ("t('area.hello', **fields)", None),
        ("raise BadKnob('errors.unheard', knob='x')", "no words for errors.unheard"),
        ("key = 'errors.unheard'", "no words for errors.unheard"),
    ],
)
def test_a_key_without_words_is_found(tmp_path: Path, source: str, fault: str | None) -> None:
    (tmp_path / "app.py").write_text(source, encoding="utf-8")
    found = wrong(spoken(tmp_path)[0], {"area.hello": "Hello {name}"})
    assert found == (fault and f"app.py:1: {fault}")
