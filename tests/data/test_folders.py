"""Which folders are found, and which names are refused."""

import multiprocessing
import os
import subprocess
import sys

import pytest

from engine.data.tree import open_tree
from engine.errors import DataError
from engine.folders import data_roots, discover, find_tree


def test_roots_are_those_named_by_the_environment_then_the_home(tmp_path, monkeypatch):
    monkeypatch.setenv("ATHANOR_DATA", os.pathsep.join(["/a", "", "/b"]))
    assert [str(root) for root in data_roots(tmp_path)] == ["/a", "/b", str(tmp_path / "data")]
    monkeypatch.delenv("ATHANOR_DATA")
    assert data_roots(tmp_path) == [tmp_path / "data"]


def test_trees_are_discovered_one_and_two_levels_down(make_tree, tmp_path):
    root = make_tree(
        {"pets/cat": 1, "pets/dog": 1, "birds/cub/a": 1, "birds/cub/b": 1, "split/train/a": 1, "split/train/b": 1, "one/only": 1}
    )
    (root / ".hidden" / "x").mkdir(parents=True)
    (root / "FashionMNIST" / "raw").mkdir(parents=True)
    assert discover([root, root, tmp_path / "missing"]) == ["birds/cub", "pets", "split"]


def test_a_tree_is_found_by_relative_name_and_by_absolute_path(make_tree, tmp_path):
    root = make_tree({"birds/cub/a": 1})
    assert find_tree("birds/cub", [tmp_path / "missing", root]) == root / "birds/cub"
    assert find_tree(str(root / "birds"), []) == root / "birds"


@pytest.mark.parametrize(
    "name", ["../x", "a/../../x", "a\\..\\x", "..", ".", "", " ", "a\0b", "\\\\server\\share", "//server/share", "/", "./"]
)
def test_names_that_lead_elsewhere_are_refused(make_tree, name):
    root = make_tree({"a/b": 1})
    with pytest.raises(DataError) as caught:
        find_tree(name, [root / "a"])
    assert caught.value.key == "data.folder_refused"


@pytest.mark.parametrize("name", ["%2e%2e%2fx", "....//x", "x" * 5000, "~", "a\nb"])
def test_odd_names_are_only_missing(make_tree, name):
    with pytest.raises(DataError) as caught:
        find_tree(name, [make_tree({"a/b": 1})])
    assert caught.value.key in {"data.folder_missing", "data.folder_unreadable"}


def test_a_link_out_of_the_roots_is_refused(make_tree, tmp_path):
    root = make_tree({"a/b": 1})
    (tmp_path / "secret").mkdir()
    (root / "link").symlink_to(tmp_path / "secret")
    (root / "loop").symlink_to(root / "loop")
    with pytest.raises(DataError) as caught:
        find_tree("link", [root])
    assert caught.value.key == "data.folder_outside"
    with pytest.raises(DataError):
        find_tree("loop", [root])


def test_a_missing_folder_is_told_with_the_roots(tmp_path):
    with pytest.raises(DataError, match=str(tmp_path)) as caught:
        find_tree("pets", [tmp_path])
    assert caught.value.key == "data.folder_missing"


def _key_for_nobody(root, answers) -> None:
    if os.geteuid() == 0:
        os.setuid(65534)
    try:
        answers.put(str(find_tree("pets", [root])))
    except DataError as error:
        answers.put(error.key)


def test_a_folder_of_another_user_is_told_as_unreadable(make_tree):
    root = make_tree({"pets/cat": 1})
    (root / "pets").chmod(0)
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    process = context.Process(target=_key_for_nobody, args=(root, answers))
    process.start()
    assert answers.get() == "data.folder_unreadable"
    process.join()
    (root / "pets").chmod(0o755)


def test_looking_for_folders_imports_no_torch():
    code = "import sys, engine.folders, engine.data, engine.data.dataset, engine.data.decode; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_what_listing_a_tree_tells_is_not_asked_again_of_each_file(make_tree, monkeypatch):
    root = make_tree({"pets/cat": 20, "pets/dog": 20})
    asked: list[str] = []
    usual = os.stat
    monkeypatch.setattr(os, "stat", lambda path, **how: (asked.append(str(path)), usual(path, **how))[1])
    source = open_tree("pets", [root])
    monkeypatch.undo()
    assert len(source.read().items) == 40
    assert not [path for path in asked if path.endswith(".png")]


def test_links_are_asked_where_they_lead(make_tree, picture_file, tmp_path):
    root = make_tree({"pets/cat": 3, "pets/dog": 3})
    (root / "pets/cat/inside.png").symlink_to(root / "pets/dog/0.png")
    (root / "pets/cat/outside.png").symlink_to(picture_file(tmp_path / "outside.png", 77))
    (root / "pets/cat/loop.png").symlink_to(root / "pets/cat/loop.png")
    (root / "pets/cat/folder.png").symlink_to(root / "pets/dog")
    (root / "pets/cat/deeper.png").mkdir()
    picture_file(root / "pets/cat/deeper.png/A.PNG", 78)
    names = open_tree("pets", [root]).read().names
    assert names[:3] == [f"cat/{index}.png" for index in range(3)] and names[3:5] == ["cat/deeper.png/A.PNG", "cat/inside.png"]
    assert len(names) == 8
