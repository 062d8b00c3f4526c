"""An older store becomes today's: at once, once, or not at all. A newer config is today's, too."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from engine.config.run import CONFIG_VERSION, KNOBS, RunConfig
from engine.config.versions import NEW_IN_4, UPCASTERS, current
from engine.store import attempts, records, runs, transitions
from engine.store.connect import VARIABLE, Store
from engine.store.home import Home
from engine.store.migrate import MIGRATIONS
from engine.store.runs import Claim
from engine.store.tables import SCHEMA_VERSION
from tests.store.filled import start

OPEN = "import sys, pathlib; from engine.store import connect, home; connect.Store(home.Home(pathlib.Path(sys.argv[1])))"


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A data folder of the first version."""
    monkeypatch.delenv(VARIABLE, raising=False)
    home = Home(tmp_path)
    with closing(sqlite3.connect(home.database)) as connection:
        connection.executescript(Path(__file__).with_name("schema_1.sql").read_text("utf-8"))
    return home


def version(home: Home) -> int:
    with closing(sqlite3.connect(home.database)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def schema(store: Store) -> dict[str, object]:
    with store.read() as connection:
        look = sa.inspect(connection)
        return {
            name: (
                {column["name"]: (str(column["type"]), column["nullable"], column["default"]) for column in look.get_columns(name)},
                {(index["name"], tuple(index["column_names"]), index["unique"]) for index in look.get_indexes(name)},
                look.get_pk_constraint(name)["constrained_columns"],
            )
            for name in look.get_table_names()
        }


def test_there_is_a_way_from_every_older_version() -> None:
    assert sorted(MIGRATIONS) == list(range(1, SCHEMA_VERSION))
    assert sorted(UPCASTERS) == list(range(1, CONFIG_VERSION))


def test_a_migrated_store_is_like_a_new_one(old: Home, tmp_path: Path) -> None:
    migrated, fresh = Store(old), Store(Home(tmp_path / "fresh"))
    assert schema(migrated) == schema(fresh)
    assert version(old) == SCHEMA_VERSION
    migrated.engine.dispose()
    fresh.engine.dispose()


def test_old_runs_live_on(old: Home) -> None:
    store = Store(old)
    first, second = runs.get(store, 1), runs.get(store, 2)
    assert (first.state, first.crashes, first.knobs["time_limit"], first.knobs["epochs"]) == ("finished", 0, 0, 3)
    assert RunConfig.model_validate(first.config).data.twins == "exact"
    assert [row.value for row in records.history(store, 1)["val_loss"]] == [0.5]
    under_way = attempts.current(store, 2)
    assert second.state == "running"
    assert under_way is not None
    assert (under_way.began, under_way.progress) == (60.0, 60.0)
    assert records.append(store, Claim(2, 1, "token2"), records.Batch()).commands == ["stop"]
    taken = transitions.claim(store)
    assert taken is not None
    assert taken.run == 3
    store.engine.dispose()


def test_killed_in_the_middle_it_is_the_old_one_still(old: Home) -> None:
    process = start(OPEN, old.root, ATHANOR_FAULTS="store.migrate=kill")
    assert process.wait(60) == -9
    process.communicate()
    with closing(sqlite3.connect(old.database)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        columns = {row[1] for row in connection.execute("PRAGMA table_info(runs)")}
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    assert "series" not in tables
    assert "place" not in columns
    store = Store(old)
    assert [run.name for run in runs.listing(store)] == ["third", "second", "first"]
    store.engine.dispose()


@pytest.mark.slow
def test_several_processes_migrate_it_once(old: Home) -> None:
    processes = [start(OPEN, old.root) for _ in range(4)]
    ends = [(process.communicate(timeout=60)[1], process.returncode) for process in processes]
    assert ends == [("", 0)] * 4
    assert version(old) == SCHEMA_VERSION


def test_an_older_config_trains_as_it_did() -> None:
    assert all(KNOBS[name].default == value for knobs in NEW_IN_4.values() for name, value in knobs.items())


def test_a_config_keeps_what_it_says() -> None:
    assert current({"budget": {"epochs": 3}}, 1) == {"budget": {"time_limit": 0.0, "epochs": 3}, "data": {"twins": "exact"}, **NEW_IN_4}
    assert current({"data": {"dataset": "digits"}}, 2) == {"data": {"twins": "exact", "dataset": "digits"}, **NEW_IN_4}
    assert current({"optimisation": {"optimizer": "sgd"}}, 3)["optimisation"] == {"optimizer": "sgd", **NEW_IN_4["optimisation"]}
    newest = {"budget": {"time_limit": 5.0}}
    assert current(newest, CONFIG_VERSION) == newest
    assert current(newest, CONFIG_VERSION + 1) == newest
