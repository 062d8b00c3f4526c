"""What lies in the place of a plain file is neither followed nor waited for, and JSON of strangers costs no more than it may."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.plain_files import NotPlain, all_plain, append_plain, is_folder, is_plain, open_plain, read_json, read_plain, replacing


def listening(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.path.relpath(path))  # its name stays when it is closed; a socket's path has at most 107 bytes


ODD: dict[str, Callable[[Path], object]] = {
    "a link": lambda path: path.symlink_to(__file__),
    "a link to nothing": lambda path: path.symlink_to("nowhere"),
    "a pipe": os.mkfifo,
    "a folder": Path.mkdir,
    "a socket": listening,
}
odd = pytest.mark.parametrize("make", ODD.values(), ids=ODD.keys())


@odd
def test_what_is_no_plain_file_is_refused_at_once(tmp_path: Path, make: Callable[[Path], object]) -> None:
    path = tmp_path / "file"
    make(path)
    assert not is_plain(path)
    for opened in (open_plain, append_plain):
        with pytest.raises(NotPlain, match="no plain file"):
            opened(path)
    assert not (tmp_path / "nowhere").exists()


def test_a_plain_file_is_read_and_written_at_its_end(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for part in (b"one", b"two"):
        with append_plain(path) as file:
            file.write(part)
    assert read_plain(path, 6) == b"onetwo"
    with pytest.raises(NotPlain, match="at most 5 bytes"):
        read_plain(path, 5)
    with pytest.raises(FileNotFoundError):
        read_plain(tmp_path / "nowhere", 5)


def test_a_replaced_file_is_the_old_one_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), replacing(path) as file:
        file.write(b"half")
        raise ZeroDivisionError
    assert path.read_bytes() == b"old"
    with replacing(path) as file:
        file.write(b"new")
    assert path.read_bytes() == b"new"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_a_replaced_file_is_not_written_through_a_link(tmp_path: Path) -> None:
    path, precious = tmp_path / "file", tmp_path / "precious"
    precious.write_bytes(b"mine")
    (tmp_path / f".file.{os.getpid()}.part").symlink_to(precious)
    path.symlink_to(precious)
    with replacing(path) as file:
        file.write(b"new")
    assert (precious.read_bytes(), path.read_bytes(), path.is_symlink()) == (b"mine", b"new", False)


@odd
def test_a_folder_is_plain_only_all_the_way_down(tmp_path: Path, make: Callable[[Path], object]) -> None:
    inner = tmp_path / "run" / "a" / "b"
    inner.mkdir(parents=True)
    (inner / "file").write_bytes(b"1")
    assert all_plain(tmp_path / "run")
    make(inner / "odd")
    assert all_plain(tmp_path / "run") is is_folder(inner / "odd")


@pytest.mark.parametrize(
    "text", ["[" + "[]," * 10 + "[]]", '{"a":' * 11 + "1" + "}" * 11, "[" + "1," * 41 + "1]", "{", "[" * 200_000, "\xff"]
)
def test_json_that_would_take_too_much_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        read_json(text.encode("latin-1"), most_parts=1_000_000 if len(text) > 1000 else 10)
    assert not isinstance(refused.value, RecursionError)


def test_json_within_its_bounds_is_read() -> None:
    assert read_json(b'{"a": [1, 2, "' + b"x" * 10_000 + b'"]}', most_parts=2)["a"][:2] == [1, 2]
