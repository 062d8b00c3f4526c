"""What only PostgreSQL can do: go away and come back, refuse, be shared by several machines."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from engine.commands.doctor import examine
from engine.config import RunConfig
from engine.errors import Refused, StoreBusy, StoreError
from engine.jobs import launch
from engine.jobs.recorder import Recorder
from engine.store import records, runs
from engine.store.connect import VARIABLE, Store, open_store
from engine.store.home import Home
from engine.store.postgres import place
from engine.store.records import Batch
from tests.engine_room import EngineRoom
from tests.store.conftest import Server
from tests.store.filled import ROOT, claimed, queue, told
from tests.waiting import until


@pytest.fixture
def team(tmp_path: Path, server: Server) -> Iterator[Store]:
    """A store in PostgreSQL."""
    store = Store(Home(tmp_path), server.fresh())
    yield store
    store.engine.dispose()


@pytest.mark.postgres
def test_a_server_that_restarts_is_worth_another_try(team: Store, server: Server) -> None:
    """What was told before is there after; what could not be told is refused as busy, and told then."""
    claim = claimed(team)
    records.append(team, claim, Batch(told(range(1, 11))))
    server.stop()
    with pytest.raises(StoreBusy):
        records.append(team, claim, Batch(told(range(11, 21))))
    with pytest.raises(StoreBusy, match="does not answer"):
        records.read(team, claim.run)
    server.start()

    def tell() -> bool:
        try:
            records.append(team, claim, Batch(told(range(11, 21))))
        except StoreBusy:
            return False
        return True

    assert until(tell, 30)
    assert [row.seq for row in records.read(team, claim.run).metrics] == list(range(1, 21))


@pytest.mark.postgres
def test_a_pen_outlasts_a_server_that_restarts_while_it_has_nothing_to_tell(team: Store, server: Server) -> None:
    claim = claimed(team)
    recorder = Recorder(team, claim)
    recorder.start()
    until(lambda: recorder._written_at)
    server.stop()
    until(lambda: recorder._waiting, 30)
    server.start()
    recorder.metric("val_loss", 1, 1, 0.5)
    until(lambda: not recorder._waiting, 30)
    recorder.close()
    assert len(records.read(team, claim.run).metrics) == 1


@pytest.mark.postgres
def test_a_restart_between_two_readings_is_not_noticed(team: Store, server: Server) -> None:
    queue(team)
    assert len(runs.listing(team)) == 1
    server.stop()
    server.start()
    assert len(runs.listing(team)) == 1


@pytest.mark.postgres
def test_a_connection_that_breaks_within_a_transaction_is_busy_and_writes_nothing(team: Store) -> None:
    with pytest.raises(StoreBusy), team.write() as connection:
        mine = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        with team.read() as other:
            other.exec_driver_sql(f"SELECT pg_terminate_backend({mine:d})")
        connection.exec_driver_sql("INSERT INTO settings VALUES ('a', '1')")
    queue(team)
    assert len(runs.listing(team)) == 1


@pytest.mark.postgres
def test_there_is_one_supervisor(team: Store, tmp_path: Path) -> None:
    other = Store(Home(tmp_path / "other machine"), team.engine.url.render_as_string(hide_password=False))
    with team.sole() as first:
        with other.sole() as second:
            assert (first, second) == (True, False)
        with other.sole() as third:
            assert not third
    with other.sole() as now:
        assert now
    other.engine.dispose()


@pytest.mark.postgres
def test_several_that_open_an_empty_database_make_the_tables_once(tmp_path: Path, server: Server) -> None:
    url, made = server.fresh(), list[Store]()
    threads = [threading.Thread(target=lambda: made.append(Store(Home(tmp_path), url))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 4
    for store in made:
        store.engine.dispose()


@pytest.mark.postgres
def test_the_variable_names_it_and_the_folders_stay_at_home(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, server.fresh().replace("postgresql+psycopg", "postgresql"))
    store = open_store(Home(tmp_path))
    assert store.engine.dialect.driver == "psycopg"
    assert not (tmp_path / "athanor.db").exists()
    assert (tmp_path / "data").is_dir()
    assert not store.checkpoint_wal()
    store.engine.dispose()


@pytest.mark.postgres
def test_a_backup_is_the_work_of_pg_dump(team: Store, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="pg_dump"):
        team.backup(tmp_path / "copy")


@pytest.mark.parametrize("url", ["sqlite:///x.db", "mysql://a/b", "nonsense", "postgresql+asyncpg://a/b", "://nowhere"])
def test_another_address_is_refused_without_showing_it(tmp_path: Path, url: str) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(StoreError, match=r"expected: postgresql\+psycopg://") as refused:
        Store(Home(tmp_path), url)
    assert url not in str(refused.value)


def test_a_server_that_is_not_there_is_told_without_the_password(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(StoreBusy, match="does not answer") as told_so:
        Store(Home(tmp_path), "postgresql://me:secret@127.0.0.1:1/athanor")
    assert "secret" not in str(told_so.value)


@pytest.mark.postgres
def test_a_folder_whose_supervisor_serves_another_store_takes_no_run(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, it heard the bell of both and looked into one: the other's runs were queued for ever."""
    monkeypatch.setenv(VARIABLE, server.fresh())
    room = EngineRoom(tmp_path / "home")
    try:
        launch.ensure_supervisor(room.store)
        team = room.supervisor()
        launch.ensure_supervisor(room.store)
        monkeypatch.delenv(VARIABLE)
        mine = Store(room.home)
        with pytest.raises(Refused, match=rf"process {team.pid}\) serves another store, postgresql\+psycopg://"):
            launch.submit(mine, RunConfig())
        assert runs.listing(mine) == []
        told = {finding.name: finding for finding in examine(mine)}["supervisor"]
        assert not told.ok
        assert str(team.pid) in told.note
        assert {finding.name: finding.ok for finding in examine(room.store)}["supervisor"]
        mine.engine.dispose()
    finally:
        room.close()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:SEC@RET@127.0.0.1/athanor",
        "postgresql://me/SEC:RET@127.0.0.1/athanor",
        "postgresql://me:SECRET@127.0.0.1:RET/athanor",
        "postgresql://me:SECRET@127.0.0.1/athanor?host=a:RET&host=b",
        "postgresql://me:SECRET@127.0.0.1/athanor?plugin=RET",
    ],
)
def test_an_address_that_cannot_be_read_is_refused_without_any_part_of_it(tmp_path: Path, url: str) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(StoreError, match="%40") as refused:
        Store(Home(tmp_path), url)
    assert not any(part in str(refused.value) for part in ("SEC", "RET", "me:"))


@pytest.mark.parametrize("query", ["password=SECRET", "sslpassword=SECRET&sslmode=disable", "user=me&password=SECRET&port=1"])
def test_a_password_behind_the_question_mark_is_not_told(tmp_path: Path, query: str) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(StoreBusy, match="127.0.0.1:1/athanor does not answer") as told_so:
        Store(Home(tmp_path), f"postgresql://127.0.0.1:1/athanor?{query}")
    assert "SECRET" not in str(told_so.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql+psycopg://me:secret@db.lan/athanor?sslpassword=s", "postgresql+psycopg://db.lan/athanor"),
        ("postgresql+psycopg://me@/athanor?host=/run/pg&port=5433&password=s", "postgresql+psycopg:///run/pg:5433/athanor"),
        ("postgresql+psycopg://me:s%40t@[::1]:5432/athanor", "postgresql+psycopg://::1:5432/athanor"),
        ("postgresql+psycopg:///athanor?host=a&host=b", "postgresql+psycopg://a,b/athanor"),
    ],
)
def test_a_store_is_shown_by_its_host_and_its_database_only(url: str, shown: str) -> None:
    assert place(sa.make_url(url)) == shown


def test_a_missing_driver_is_named_with_the_way_to_get_it(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from pathlib import Path\nfrom engine.errors import StoreError\nfrom engine.store import connect, home\n"
        "try: connect.Store(home.Home(Path(sys.argv[1])))\nexcept StoreError as error: print(error)"
    )
    variables = os.environ | {VARIABLE: "postgresql://me:secret@localhost/athanor"}
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path], cwd=ROOT, env=variables, capture_output=True, text=True, timeout=60, check=False
    )
    assert 'pip install "psycopg[binary]"' in done.stdout
    assert "secret" not in done.stdout + done.stderr
