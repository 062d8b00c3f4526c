"""What people have set for the whole data folder: a few numbers with defaults. The newest value counts from the next look."""

from dataclasses import dataclass

import sqlalchemy as sa

from engine.errors import BadInput
from engine.store.connect import Store
from engine.store.tables import settings


@dataclass(frozen=True)
class Setting:
    """A number of the data folder; any from `low` to `high` is allowed, but halves only where it is not `whole`."""

    name: str
    default: float
    low: float
    high: float
    unit: str
    whole: bool = True


# Checkpoints, caches and pictures sent by the servant together; a run that would exceed it does not start.
DISK_BUDGET = Setting("disk_budget", 20.0, 0.1, 100_000.0, "GB", whole=False)
# Runs that train at the same time; their workers share the cores.
SLOTS = Setting("slots", 1, 1, 64, "runs")
# Besides the last two and the best, keep a checkpoint of every so many epochs; 0 keeps none.
KEEP_EVERY = Setting("keep_every", 0, 0, 10_000, "epochs")
SETTINGS = {one.name: one for one in (DISK_BUDGET, SLOTS, KEEP_EVERY)}


def get(store: Store, setting: Setting) -> float:
    """The value in force."""
    with store.read() as connection:
        return get_in(connection, setting)


def get_in(connection: sa.Connection, setting: Setting) -> float:
    """The value in force, within a transaction."""
    found = connection.execute(sa.select(settings.c.value).where(settings.c.name == setting.name)).scalar()
    return setting.default if found is None else float(found)


def check(setting: Setting, value: float) -> None:
    """Raises BadInput for a value that the setting cannot have."""
    if not setting.low <= value <= setting.high or (setting.whole and value != int(value)):
        raise BadInput("errors.setting_out_of_range", name=setting.name, value=value, low=setting.low, high=setting.high)


def set_to(store: Store, setting: Setting, value: float) -> None:
    """Change a setting. Raises BadInput outside its bounds."""
    check(setting, value)
    with store.write() as connection:
        connection.execute(sa.delete(settings).where(settings.c.name == setting.name))
        connection.execute(sa.insert(settings).values(name=setting.name, value=value))
