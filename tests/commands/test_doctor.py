"""The doctor: a whole folder is fit; what is broken is named with what to do."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from engine.commands.doctor import examine
from engine.commands.finding import Finding
from engine.jobs.identity import identify
from engine.jobs.lease import Lease
from engine.jobs.terms import SERVANT, SUPERVISOR
from engine.store import attempts, deletion, settings
from engine.store.attempts import Identity
from engine.store.connect import Store
from engine.store.runs import State
from engine.store.tables import SCHEMA_VERSION
from engine.store.tables import attempts as attempt_rows
from engine.store.tables import runs as run_rows
from tests.commands.conftest import Athanor, Runs

NAMES = {
    "python", "store", "integrity", "log", "notice", "disk", "budget", "folders", "checkpoints", "torch", "supervisor", "servant", "bells",
    "runs", "clock", "data",
}  # fmt: skip


Look = Callable[[], dict[str, Finding]]


@pytest.fixture
def findings(store: Store) -> Look:
    """All but torch, by name."""
    return lambda: {finding.name: finding for finding in examine(store)}


def bad(found: dict[str, Finding]) -> dict[str, str]:
    return {name: finding.note for name, finding in found.items() if not finding.ok}


def test_a_whole_folder_is_fit(findings: Look, make: Runs) -> None:
    make.in_state(State.FINISHED, epochs=2)
    make.queued()
    found = findings()
    assert bad(found) == {}
    assert found.keys() == NAMES - {"torch"}
    assert "asleep" in found["supervisor"].note
    assert f"schema {SCHEMA_VERSION}" in found["integrity"].note


@pytest.mark.slow
def test_every_finding_is_a_line(athanor: Athanor) -> None:
    done = athanor("doctor")
    assert done.code == 0
    lines = done.out.splitlines()
    assert [line.split()[0] for line in lines] == ["ok"] * len(lines)
    assert {line.split()[1] for line in lines} == NAMES


def test_a_folder_that_is_gone_is_named(findings: Look, make: Runs) -> None:
    gone = make.in_state(State.FINISHED, epochs=1)
    shutil.rmtree(make.store.home.run(gone))
    assert str(gone) in bad(findings())["folders"]


def test_a_folder_without_a_run_is_named(findings: Look, make: Runs) -> None:
    make.store.home.run(7).mkdir(parents=True)
    (make.store.home.runs / f"{deletion.TRASH}000008").mkdir()
    found = findings()
    assert "000007" in bad(found)["strays"]
    assert "rebuild" in bad(found)["strays"]
    assert found["trash"].ok


@pytest.mark.parametrize("torn", ["missing", "short"])
def test_a_checkpoint_that_is_not_whole_is_named(findings: Look, make: Runs, torn: str) -> None:
    number = make.in_state(State.FINISHED, epochs=2)
    file = make.store.home.checkpoints(number) / "step-00000020.weights.safetensors"
    if torn == "missing":
        file.unlink()
    else:
        os.truncate(file, 3)
    assert f"{number}/step-00000020" in bad(findings())["checkpoints"]


def test_a_spent_budget_is_told(findings: Look, make: Runs) -> None:
    settings.set_to(make.store, settings.DISK_BUDGET, 0.1)
    make.store.home.cache.mkdir()
    with (make.store.home.cache / "digits").open("wb") as file:
        file.truncate(2 * 10**8)
    assert "--disk-budget" in bad(findings())["budget"]


def test_a_plain_file_in_a_bells_place_is_told(findings: Look, make: Runs) -> None:
    make.store.home.servant_bell.touch()
    assert "servant.bell" in bad(findings())["bells"]


def test_a_clock_set_back_is_told(findings: Look, make: Runs) -> None:
    number = make.queued()
    with make.store.write() as connection:
        connection.execute(sa.update(run_rows).where(run_rows.c.id == number).values(created_at=time.time() + 3600))
    assert "in the future" in bad(findings())["clock"]


def test_a_run_that_hangs_and_one_whose_process_is_gone_are_told(findings: Look, make: Runs) -> None:
    hanging, orphan = make.queued(), make.queued()
    attempts.assign(make.store, make.begun(hanging), identify())
    attempts.assign(make.store, make.begun(orphan), Identity("another boot", 1, "0"))
    assert str(orphan) in bad(findings())["orphans"]
    with make.store.write() as connection:
        old = time.monotonic() - 1000
        connection.execute(sa.update(attempt_rows).where(attempt_rows.c.run == hanging).values(progress=old, heartbeat=time.monotonic()))
        connection.execute(sa.update(attempt_rows).where(attempt_rows.c.run == orphan).values(state="failed"))
    assert f"{hanging} (100" in bad(findings())["stalled"]


def test_standing_processes_of_another_version_are_told(findings: Look, make: Runs) -> None:
    attempts.announce(make.store, SUPERVISOR, "0.0.1", identify())
    attempts.announce(make.store, SERVANT, "0.0.1", identify())
    found = findings()
    assert "0.0.1" in bad(found)["supervisor"]
    assert f"process {os.getpid()}" in found["servant"].note


def test_a_supervisor_of_another_store_is_told(findings: Look, make: Runs) -> None:
    other = Lease(identity=identify(), place="postgresql+psycopg://db.lan/team", mark="another", roots=[])
    make.store.home.lock.write_text(other.model_dump_json())
    note = bad(findings())["supervisor"]
    assert "postgresql+psycopg://db.lan/team" in note
    assert f"kill {os.getpid()}" in note


def test_a_data_root_that_is_not_there_is_told(findings: Look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATHANOR_DATA", str(tmp_path / "nowhere"))
    assert str(tmp_path / "nowhere") in bad(findings())["data"]
