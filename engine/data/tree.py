"""A class-per-folder tree as a source: which picture files belong to which class.

Reads names, sizes and times only; knows nothing of decoding.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from engine.data.dataset import Contents, Source
from engine.errors import DataError
from engine.folders import find_tree, is_picture_name, shown, subfolders

FEWEST = 3  # pictures of a class: one each for training, validation and test


class _Entry(NamedTuple):  # made by the ten thousand: a dataclass takes three times as long
    path: str
    name: str
    class_name: str
    test: bool
    stamp: str


def open_tree(name: str, roots: Sequence[Path]) -> Source:
    """The tree called `name`: class folders, or `train/` and `test/` (or `val/`) with class folders in each.

    Raises DataError when the folder is missing, unreadable or empty, has one class only, or a class with fewer than 3 pictures.
    """
    tree = find_tree(name, roots)
    try:
        parts = _parts(tree)
        folders = [(folder, test) for part, test in parts for folder in subfolders(part)]
        entries = [entry for folder, test in folders for entry in _entries(tree, folder, test)]
    except OSError as error:
        raise DataError("data.folder_unreadable", name=name, reason=error.strerror or str(error)) from error
    classes = sorted({folder.name for folder, _ in folders})
    _check(name, entries, classes)
    stamps = "\n".join(f"{os.fsencode(entry.name)!r} {entry.stamp}" for entry in entries)
    identity = "tree " + hashlib.blake2b(stamps.encode(), digest_size=16).hexdigest()
    return Source(name, identity, lambda: _contents(entries, classes))


def _parts(tree: Path) -> list[tuple[Path, bool]]:
    """The folders that hold class folders, and whether each is the official test part."""
    names = {folder.name for folder in subfolders(tree)}
    held_out = "test" if "test" in names else "val"
    if not {"train", held_out} <= names or not any(subfolders(tree / "train")):
        return [(tree, False)]
    return [(tree / part, part == held_out) for part in ("train", "val", "test") if part in names]


def _entries(tree: Path, class_folder: Path, test: bool) -> list[_Entry]:
    """The pictures of one class, sorted by name; links are followed only to regular files within the tree. Raises OSError."""
    found = []
    above = class_folder.relative_to(tree).as_posix()
    for file in _files(str(class_folder)):
        if is_picture_name(file.name) and (_leads_inside(file, tree) if file.is_symlink() else file.is_file(follow_symlinks=False)):
            facts = file.stat()
            name = above + file.path[len(str(class_folder)) :]
            found.append(_Entry(file.path, name, class_folder.name, test, f"{facts.st_size} {facts.st_mtime_ns}"))
    return sorted(found, key=lambda entry: entry.name)


def _files(folder: str) -> Iterator[os.DirEntry[str]]:
    """All below that is no folder; hidden folders and links to folders are not entered. What listing tells is not asked of each again."""
    folders = [folder]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if not entry.is_dir(follow_symlinks=False):
                    yield entry
                elif not entry.name.startswith("."):
                    folders.append(entry.path)


def _leads_inside(link: os.DirEntry[str], tree: Path) -> bool:
    path = Path(link.path)
    return path.is_file() and path.resolve().is_relative_to(tree.resolve())


def _check(name: str, entries: list[_Entry], classes: list[str]) -> None:
    if not entries:
        raise DataError("data.folder_empty", name=name)
    if len(classes) < 2:
        raise DataError("data.one_class", name=name, class_name=shown(classes[0]))
    counts = {class_name: 0 for class_name in classes}
    for entry in entries:
        counts[entry.class_name] += 1
    smallest = min(counts, key=lambda class_name: counts[class_name])
    if counts[smallest] < FEWEST:
        raise DataError("data.class_too_small", class_name=shown(smallest), count=counts[smallest], needed=FEWEST)


def _contents(entries: list[_Entry], classes: list[str]) -> Contents:
    place = {class_name: index for index, class_name in enumerate(classes)}
    return Contents(
        items=[Path(entry.path) for entry in entries],
        names=[shown(entry.name) for entry in entries],
        labels=np.array([place[entry.class_name] for entry in entries], dtype=np.int64),
        official_test=np.array([entry.test for entry in entries], dtype=bool),
        classes=tuple(shown(class_name) for class_name in classes),
    )
