"""Stores to test with: a file, and a database of a PostgreSQL server that is started once, in a folder of its own."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa

from engine.store.connect import VARIABLE, Store
from engine.store.home import Home

_numbers = count()


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server of the tests. `account`: whose process it is; it refuses to be root's."""

    programs: Path
    folder: Path
    port: int
    account: str | None

    def run(self, name: str, *words: str) -> None:
        done = subprocess.run(
            [self.programs / name, *words], user=self.account, cwd=self.folder, capture_output=True, text=True, timeout=60, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"{name}: {done.stderr or done.stdout}")

    def start(self) -> None:
        options = f"-p {self.port} -k {self.folder} -c listen_addresses='' -c fsync=off -c max_connections=60"
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-l", str(self.folder / "log"), "-w", "-o", options, "start")

    def stop(self) -> None:
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "-w", "stop")

    def fresh(self) -> str:
        """The address of a new, empty schema: made in a hundredth of the time of a database."""
        url = f"postgresql+psycopg://athanor@/postgres?host={self.folder}&port={self.port}"
        name = f"store{next(_numbers)}"
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            connection.exec_driver_sql(f"CREATE SCHEMA {name}")
        engine.dispose()
        return f"{url}&options=-csearch_path%3D{name}"


def _programs() -> Path | None:
    """The newest server's, Debian's own place included."""
    on_path = shutil.which("pg_ctl")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=lambda path: int(path.parts[-3]))
    return Path(on_path).parent if on_path else debian[-1].parent if debian else None


def _free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    programs = _programs()
    if programs is None:
        pytest.skip("no PostgreSQL server here; `make test` gets one where it can")
    pytest.importorskip("psycopg", reason="no PostgreSQL driver here: pip install 'psycopg[binary]'", exc_type=ImportError)
    account = "nobody" if os.getuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="athanor-pg-", dir="/tmp"))  # a socket's path has at most 107 bytes
    if account:
        shutil.chown(folder, account)
    made = Server(programs, folder, _free_port(), account)
    try:
        made.run("initdb", "-D", str(folder / "data"), "-U", "athanor", "-A", "trust", "-E", "UTF8", "--no-sync", "--no-locale")
        made.start()
    except (RuntimeError, OSError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"PostgreSQL does not start here: {error}")
    yield made
    made.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=[pytest.mark.postgres, pytest.mark.slow])])
def address(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str | None:
    """Where the store lies: None is a file of the data folder. `$ATHANOR_STORE` says it to processes, too."""
    url = request.getfixturevalue("server").fresh() if request.param == "postgresql" else None
    if url is None:
        monkeypatch.delenv(VARIABLE, raising=False)
    else:
        monkeypatch.setenv(VARIABLE, url)
    return url


@pytest.fixture
def store(tmp_path: Path, address: str | None) -> Iterator[Store]:
    """A fresh store, once of each kind."""
    store = Store(Home(tmp_path), address)
    yield store
    store.engine.dispose()


@pytest.fixture
def file_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A fresh store in a file."""
    monkeypatch.delenv(VARIABLE, raising=False)
    store = Store(Home(tmp_path))
    yield store
    store.engine.dispose()


@pytest.fixture
def elsewhere(store: Store, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Store]:
    """An empty store over the same run folders, of the same kind as `store`."""
    url = request.getfixturevalue("server").fresh() if store.engine.dialect.name == "postgresql" else None

    def empty() -> Store:
        root = tmp_path / "elsewhere"
        if url:
            monkeypatch.setenv("ATHANOR_STORE", url)
        made = Store(Home(root), url)
        (root / "runs").symlink_to(store.home.runs)
        request.addfinalizer(made.engine.dispose)
        return made

    return empty
