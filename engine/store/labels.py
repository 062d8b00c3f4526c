"""What people write on runs: names, notes, tags. A name and a tag are one line; all have a longest length."""

import unicodedata
from collections.abc import Collection

import sqlalchemy as sa

from engine.errors import BadInput, NotFound
from engine.store.connect import Store
from engine.store.tables import runs, tags

# Characters of a name, a note, a tag; tags of one run.
NAME, NOTE, TAG, TAGS = 120, 4_000, 40, 20
# Numbers in one statement: databases take some thousands.
AT_ONCE = 1_000
# Kinds of characters that a line of text has no use for: control, format, line and paragraph ends, halves of characters.
UNSEEN = ("Cc", "Cf", "Zl", "Zp", "Cs")


def rename(store: Store, number: int, name: str) -> None:
    """Give a run another name. Raises NotFound, and BadInput for an empty one and one that is too long."""
    _set(store, number, name=_line(name, NAME))


def set_note(store: Store, number: int, note: str) -> None:
    """Write a note to a run, of several lines if need be; an empty one takes it away. Raises NotFound, BadInput."""
    text = "".join(char for char in note if char in "\n\t" or unicodedata.category(char) not in UNSEEN).strip()
    _require_short(text, NOTE)
    _set(store, number, note=text or None)


def _set(store: Store, number: int, **values: str | None) -> None:
    with store.write() as connection:
        if connection.execute(sa.update(runs).where(runs.c.id == number).values(values)).rowcount == 0:
            raise NotFound("errors.no_such_run", run=number)


def tag(store: Store, numbers: Collection[int], word: str) -> None:
    """Put a tag on runs; those that have it keep it. Raises NotFound and BadInput; nothing is written then."""
    word = _line(word, TAG)
    with store.write() as connection:
        wanted = _require_runs(connection, numbers)
        found = _tags(connection, wanted)
        lacking = [number for number in wanted if word not in found.get(number, ())]
        for number in lacking:
            if len(found.get(number, ())) >= TAGS:
                raise BadInput("compare.too_many_tags", run=number, most=TAGS)
        if lacking:
            connection.execute(sa.insert(tags), [{"run": number, "tag": word} for number in lacking])


def untag(store: Store, numbers: Collection[int], word: str) -> None:
    """Take a tag off runs; those without it stay as they are. Raises NotFound."""
    with store.write() as connection:
        for some in _parts(_require_runs(connection, numbers)):
            connection.execute(sa.delete(tags).where(tags.c.tag == word, tags.c.run.in_(some)))


def tags_of(store: Store, numbers: Collection[int] | None = None) -> dict[int, tuple[str, ...]]:
    """The tags of these runs, or of all, in order of the alphabet; runs without tags are not named."""
    with store.read() as connection:
        return _tags(connection, numbers)


def _tags(connection: sa.Connection, numbers: Collection[int] | None) -> dict[int, tuple[str, ...]]:
    query = sa.select(tags.c.run, tags.c.tag)
    queries = [query] if numbers is None else [query.where(tags.c.run.in_(some)) for some in _parts(sorted(set(numbers)))]
    found: dict[int, list[str]] = {}
    for each in queries:
        for number, word in connection.execute(each):
            found.setdefault(number, []).append(word)
    return {number: tuple(sorted(words)) for number, words in found.items()}


def _require_runs(connection: sa.Connection, numbers: Collection[int]) -> list[int]:
    wanted = sorted(set(numbers))
    known = {number for some in _parts(wanted) for number in connection.execute(sa.select(runs.c.id).where(runs.c.id.in_(some))).scalars()}
    for number in wanted:
        if number not in known:
            raise NotFound("errors.no_such_run", run=number)
    return wanted


def _parts(numbers: list[int]) -> list[list[int]]:
    return [numbers[start : start + AT_ONCE] for start in range(0, len(numbers), AT_ONCE)]


def _line(text: str, most: int) -> str:
    """The text on one line: what controls a terminal, turns its direction or is half a character becomes a space."""
    line = " ".join("".join(" " if unicodedata.category(char) in UNSEEN else char for char in text).split())
    if not line:
        raise BadInput("compare.label_empty")
    _require_short(line, most)
    return line


def _require_short(text: str, most: int) -> None:
    if len(text) > most:
        raise BadInput("compare.label_too_long", count=len(text), most=most)
