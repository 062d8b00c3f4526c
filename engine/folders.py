"""Where data lies on this machine: the data roots and the class-per-folder trees under them.

Only names and folders: opens no picture and imports no torch, so a page may ask.
"""

import os
import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from engine.errors import DataError

NAME_LENGTH = 60
PICTURES = (".jpeg", ".jpg", ".png", ".webp", ".bmp", ".gif")


def data_roots(home: Path) -> list[Path]:
    """The folders searched for data, in order: those of `$ATHANOR_DATA`, then `home/data`, into which downloads go."""
    named = [Path(part).expanduser() for part in os.environ.get("ATHANOR_DATA", "").split(os.pathsep) if part]
    return [*named, home / "data"]


def discover(roots: Sequence[Path]) -> list[str]:
    """Names of the class-per-folder trees one or two levels under the roots, sorted: `pets`, `birds/cub`. Skips what it cannot read."""
    found: set[str] = set()
    for root in roots:
        for folder in subfolders(root):
            trees = [folder] if is_tree(folder) else [inner for inner in subfolders(folder) if is_tree(inner)]
            found.update(name for tree in trees if shown(name := tree.relative_to(root).as_posix()) == name)
    return sorted(found)


def find_tree(name: str, roots: Sequence[Path]) -> Path:
    """The folder that `name` stands for: a name relative to one of the roots, or an absolute path.

    Raises DataError for `..`, for names that no folder can have, for what resolves outside the roots, and for a missing or
    unreadable folder.
    """
    _refuse_traversal(name)
    for candidate in [Path(name)] if Path(name).is_absolute() else [root / name for root in roots]:
        if _readable(name, candidate):
            if not Path(name).is_absolute() and not _inside(candidate, roots):
                raise DataError("data.folder_outside", name=name, roots=listed(roots))
            return candidate
    raise DataError("data.folder_missing", name=name, roots=listed(roots))


def _readable(name: str, folder: Path) -> bool:
    """Whether the folder exists. Raises DataError when it may not be read."""
    try:
        if not folder.is_dir():
            return False
        os.scandir(folder).close()
    except OSError as error:
        raise DataError("data.folder_unreadable", name=name, reason=error.strerror or str(error)) from error
    return True


def _inside(folder: Path, roots: Sequence[Path]) -> bool:
    return any(folder.resolve().is_relative_to(root.resolve()) for root in roots)


def _refuse_traversal(name: str) -> None:
    steps = re.split(r"[/\\]", name)
    if shown(name) != name or not name.strip() or ".." in steps or "\0" in name or name.startswith(("//", "\\")) or set(steps) <= {"", "."}:
        raise DataError("data.folder_refused", name=name)


def is_tree(folder: Path) -> bool:
    """Whether the folder looks like a class-per-folder tree: two subfolders with pictures in them, or a `train` of that kind."""
    return _holds_classes(folder) or _holds_classes(folder / "train")


def _holds_classes(folder: Path) -> bool:
    return len(list(islice((inner for inner in subfolders(folder) if _holds_picture(inner)), 2))) == 2


def _holds_picture(folder: Path) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(is_picture_name(entry.name) for entry in entries)
    except OSError:
        return False


def is_picture_name(name: str) -> bool:
    """Whether a file of this name is taken for a picture: not hidden, with a known suffix in any case."""
    return not name.startswith(".") and name.lower().endswith(PICTURES)


def subfolders(folder: Path) -> Iterator[Path]:
    """The visible real subfolders, sorted by name; links to folders are not followed. Nothing when the folder cannot be read."""
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False))
    except OSError:
        return
    yield from (folder / name for name in names)


def listed(paths: Sequence[Path]) -> str:
    """Paths as one line for a sentence."""
    return ", ".join(shown(str(path)) for path in paths)


def one_line(name: str) -> str:
    """A name that stays on its line and within it: control and direction characters become spaces, 60 characters at most."""
    text = " ".join("".join(" " if unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp", "Cs") else char for char in name).split())
    return text if len(text) <= NAME_LENGTH else f"{text[: NAME_LENGTH - 1]}…"


def shown(name: str) -> str:
    """A file name that may be stored and shown: bytes that are no UTF-8 become `?`."""
    return name.encode("utf-8", "replace").decode("utf-8")
