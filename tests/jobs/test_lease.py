"""What a supervisor says of itself is believed while it lives: a run that it could not see, or not train, is refused at the start."""

import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from PIL import Image

from engine.config import RunConfig
from engine.errors import DataError, Refused
from engine.jobs import launch, lease
from engine.jobs.identity import identify
from engine.jobs.lease import Lease
from engine.jobs.terms import SUPERVISOR
from engine.store import attempts, runs
from engine.store.attempts import Identity
from engine.store.connect import Store
from engine.store.home import Home
from tests.engine_room import EngineRoom
from tests.waiting import until

TREE = RunConfig.from_flat({"dataset": "pets"})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store whose bell this test hears, so that no supervisor is started."""
    store = Store(Home(tmp_path / "home"))
    os.mkfifo(store.home.bell)
    pipe = os.open(store.home.bell, os.O_RDWR | os.O_NONBLOCK)
    yield store
    os.close(pipe)
    store.engine.dispose()


@pytest.fixture
def tree(tmp_path: Path) -> Callable[[str], Path]:
    """`tree(root)` makes a dataset called `pets` under a data root of that name."""

    def make(root: str) -> Path:
        for label in ("cat", "dog"):
            (tmp_path / root / "pets" / label).mkdir(parents=True)
            Image.new("L", (4, 4)).save(tmp_path / root / "pets" / label / "0.png")
        return tmp_path / root

    return make


def say(store: Store, mark: str, roots: Sequence[Path] = (), identity: Identity | None = None) -> None:
    """Speak as the supervisor of this folder; it is this process unless another is named."""
    told = Lease(identity=identity or identify(), place="postgresql+psycopg://db.lan/team", mark=mark, roots=list(roots))
    store.home.lock.write_text(told.model_dump_json())


def test_a_supervisor_of_another_store_is_named_and_nothing_is_queued(store: Store) -> None:
    say(store, "another")
    with pytest.raises(Refused, match=rf"process {os.getpid()}\) serves another store, postgresql\+psycopg://db.lan/team.*ATHANOR_STORE"):
        launch.submit(store, RunConfig())
    with pytest.raises(Refused):
        launch.ensure_supervisor(store)
    assert runs.listing(store) == []


def test_one_store_by_two_addresses_is_one(store: Store) -> None:
    say(store, "the same by another name")
    attempts.announce(store, SUPERVISOR, "0.1.0", identify())
    assert lease.elsewhere(store) is None


def test_the_own_store_is_served(store: Store) -> None:
    lease.declare(store)
    assert launch.submit(store, RunConfig()) == 1


@pytest.mark.parametrize("left", ["", "{", "[]", '{"mark": 1}', "\x00" * 100, "ä"])
def test_a_file_that_says_nothing_is_no_hindrance(store: Store, left: str) -> None:
    store.home.lock.write_bytes(left.encode("latin-1"))
    assert lease.held(store.home) is None
    assert launch.submit(store, RunConfig()) == 1


def test_what_a_dead_supervisor_has_said_is_void(store: Store) -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        say(store, "another", identity=identify(process.pid))
        assert lease.elsewhere(store) is not None
    assert lease.elsewhere(store) is None
    assert launch.submit(store, RunConfig()) == 1


def test_a_folder_that_the_supervisor_finds_too_is_queued(
    store: Store, tree: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mine = tree("mine")
    monkeypatch.setenv("ATHANOR_DATA", str(mine))
    (tmp_path / "link").symlink_to(mine)
    say(store, store.mark, [tmp_path / "nowhere", tmp_path / "link"])
    assert launch.submit(store, TREE) == 1


@pytest.mark.parametrize("theirs", ["nowhere", "another"])
def test_a_folder_that_the_supervisor_would_not_find_is_refused(
    store: Store, tree: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, theirs: str
) -> None:
    """Nor is one that would be found with other pictures in it."""
    mine = tree("mine")
    tree("another")
    monkeypatch.setenv("ATHANOR_DATA", str(mine))
    say(store, store.mark, [tmp_path / theirs])
    with pytest.raises(DataError, match=f"looks under {tmp_path / theirs}.*whole path"):
        launch.submit(store, TREE)
    assert runs.listing(store) == []
    assert launch.submit(store, RunConfig.from_flat({"dataset": str(mine / "pets")})) == 1


def test_a_real_supervisor_says_what_it_serves_and_where_it_looks(
    tree: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Data roots are those of whoever started it, also where these are relative to another folder than its own."""
    tree("pictures")
    monkeypatch.setenv("ATHANOR_DATA", "pictures")
    monkeypatch.chdir(tmp_path)
    room = EngineRoom(tmp_path / "home")
    try:
        launch.start_supervisor(room.home)
        told = until(lambda: lease.held(room.home))
        assert told is not None
        assert (told.mark, told.roots) == (room.store.mark, [tmp_path / "pictures", room.home.root / "data"])
        assert told.identity == room.supervisor()
        assert lease.elsewhere(room.store) is None
        monkeypatch.delenv("ATHANOR_DATA")
        with pytest.raises(DataError):
            launch.submit(room.store, TREE)
    finally:
        room.close()
    assert lease.held(room.home) is None


@pytest.mark.parametrize(
    ("one", "other", "older"),
    [
        ("0.3.9", "0.4.0", True), ("0.4.0", "0.4.0", False), ("0.10.0", "0.9.0", False), ("0.4.0rc1", "0.4.0", False),
        ("0.4.0rc1", "0.4.1.dev3+g1a2b", True), ("0.4", "0.4.1", True), ("", "0.1.0", True), ("nonsense", "0.1.0", True),
    ],
)  # fmt: skip
def test_versions_are_compared_by_the_numbers_at_their_start(one: str, other: str, older: bool) -> None:
    assert launch._older(one, other) is older
