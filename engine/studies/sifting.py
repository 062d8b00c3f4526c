"""Which of many runs are looked for: by words, by state, data, network, tag, verdict. Pure; knows no screen."""

from collections.abc import Iterable, Mapping, Sequence

from engine.store.overview import Row

# What runs are filtered by, in the order of the form.
KINDS = ("state", "dataset", "architecture", "verdict", "tag")
# Characters of a search that are looked at.
MOST = 200


def sift(known: Iterable[Row], search: str, wanted: Mapping[str, Sequence[str]]) -> list[Row]:
    """The rows in which every word of the search occurs and that have one of the wanted values of each kind.

    A word is part of the name, the note, a tag, or `knob=value`; `12` or `#12` is also run 12.
    """
    words = search[:MOST].casefold().split()
    asked = {kind: set(values) for kind, values in wanted.items() if values}
    if not words and not asked:
        return list(known)
    return [row for row in known if all(_says(row, word) for word in words) and all(asked[kind] & values_of(row, kind) for kind in asked)]


def _says(row: Row, word: str) -> bool:
    number = word.removeprefix("#")
    if number.isdecimal() and str(row.id) == number:
        return True
    if word.startswith("#") or "=" in word:
        return word in row.searched.split("\n")
    return word in row.searched


def values_of(row: Row, kind: str) -> set[str]:
    """What a row has of one of `KINDS`."""
    if kind == "tag":
        return set(row.tags)
    found = row.state if kind == "state" else row.summary.get("verdict") if kind == "verdict" else row.knobs.get(kind)
    return set() if found is None else {str(found)}


def choices(known: Sequence[Row]) -> dict[str, list[str]]:
    """The values there are of each kind, in order of the alphabet."""
    return {kind: sorted(set().union(*(values_of(row, kind) for row in known))) for kind in KINDS}
