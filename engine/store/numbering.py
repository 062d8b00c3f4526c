"""No number is given to a second run, also when the first is deleted: links, folders and notes of people name runs by it."""

import sqlalchemy as sa

from engine.errors import Refused
from engine.store.tables import runs, settings

# The row of the table `settings` with the highest number among the deleted runs.
_LAST = "last_deleted_run"
# People and links write a run's number in nine digits at most.
HIGHEST = 10**9 - 1


def free(connection: sa.Connection) -> int | None:
    """The number for a new run; None where the database never gives one twice. SQLite gives the highest again once it is free.

    Raises Refused when there is none left.
    """
    if connection.dialect.name != "sqlite":
        return None
    highest = connection.execute(sa.select(sa.func.max(runs.c.id))).scalar() or 0
    last = max(highest, _last_deleted(connection))
    if last >= HIGHEST:
        raise Refused("errors.no_number_left", last=last)
    return last + 1


def retire(connection: sa.Connection, number: int) -> None:
    """A run of this number is being deleted."""
    last = max(number, _last_deleted(connection))
    connection.execute(sa.delete(settings).where(settings.c.name == _LAST))
    connection.execute(sa.insert(settings).values(name=_LAST, value=last))


def _last_deleted(connection: sa.Connection) -> int:
    return int(connection.execute(sa.select(settings.c.value).where(settings.c.name == _LAST)).scalar() or 0)
