"""How an older store becomes one of today: one step per schema version, all of them in one transaction."""

from collections.abc import Callable

import sqlalchemy as sa

from engine import faults
from engine.store.tables import SCHEMA_VERSION, metadata


def to_2(connection: sa.Connection) -> None:
    """Places in the queue, crashes, ages of attempts, commands to attempts; five new tables."""
    for addition in (
        "runs ADD COLUMN place FLOAT",
        "runs ADD COLUMN crashes INTEGER DEFAULT '0' NOT NULL",
        "attempts ADD COLUMN began FLOAT",
        "attempts ADD COLUMN progress FLOAT",
        "commands ADD COLUMN attempt INTEGER DEFAULT '0' NOT NULL",
    ):
        connection.exec_driver_sql(f"ALTER TABLE {addition}")
    connection.exec_driver_sql("UPDATE attempts SET began = heartbeat, progress = heartbeat")
    connection.exec_driver_sql("UPDATE commands SET attempt = (SELECT attempt FROM runs WHERE runs.id = commands.run)")
    # The first schema that changes one of these copies its present form to here.
    new = ("series", "checkpoints", "lineage", "requests", "settings")
    metadata.create_all(connection, tables=[metadata.tables[name] for name in new])


def to_3(connection: sa.Connection) -> None:
    """The epoch at which to pause; notes and tags."""
    connection.exec_driver_sql("ALTER TABLE runs ADD COLUMN pause_after INTEGER")
    connection.exec_driver_sql("ALTER TABLE runs ADD COLUMN note TEXT")
    metadata.create_all(connection, tables=[metadata.tables["tags"]])


def to_4(connection: sa.Connection) -> None:
    """What was prescribed."""
    metadata.create_all(connection, tables=[metadata.tables["advice"]])


MIGRATIONS: dict[int, Callable[[sa.Connection], None]] = {1: to_2, 2: to_3, 3: to_4}


def bring_up(connection: sa.Connection, version: int) -> None:
    """From the schema `version`, 0 for an empty database, to today's; the caller commits."""
    if version == 0:
        metadata.create_all(connection)
    else:
        for step in range(version, SCHEMA_VERSION):
            MIGRATIONS[step](connection)
    faults.point("store.migrate")
