"""The tables. Knows column names and keys; queries live beside it, one module per noun."""

import sqlalchemy as sa

SCHEMA_VERSION = 4

metadata = sa.MetaData()

# One row per run. `token` belongs to the attempt that may write; whoever holds another one writes nothing. `place` orders
# the queue within a priority (NULL: by number); `crashes` counts attempts that crashed in a row without a new checkpoint.
# `pause_after` is the epoch at whose end it pauses by itself; `note` is what people have written about it.
runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("launch_key", sa.Text, unique=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False, index=True),
    sa.Column("reason", sa.JSON),
    sa.Column("config", sa.JSON, nullable=False),
    sa.Column("config_version", sa.Integer, nullable=False),
    sa.Column("numerics", sa.JSON),
    sa.Column("summary", sa.JSON, nullable=False),
    sa.Column("priority", sa.Integer, nullable=False, default=0),
    sa.Column("place", sa.Float),
    sa.Column("crashes", sa.Integer, nullable=False, default=0, server_default="0"),
    sa.Column("attempt", sa.Integer, nullable=False, default=0),
    sa.Column("pause_after", sa.Integer),
    sa.Column("note", sa.Text),
    sa.Column("token", sa.Text),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("started_at", sa.Float),
    sa.Column("ended_at", sa.Float),
)

# One row per try at a run. A process is known by boot id, pid and start time together. `began`, `heartbeat` and `progress`
# are seconds of the monotonic clock of that boot: handed to its process, last heard of, last took a step.
attempts = sa.Table(
    "attempts",
    metadata,
    sa.Column("run", sa.Integer, sa.ForeignKey("runs.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("token", sa.Text, nullable=False, unique=True),
    sa.Column("boot", sa.Text),
    sa.Column("pid", sa.Integer),
    sa.Column("process_start", sa.Text),
    sa.Column("began", sa.Float),
    sa.Column("heartbeat", sa.Float),
    sa.Column("progress", sa.Float),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.JSON),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("ended_at", sa.Float),
)

# `seq` increases over metrics and events of one run together: it is the live cursor. A NULL value is not finite.
metrics = sa.Table(
    "metrics",
    metadata,
    sa.Column("run", sa.Integer, sa.ForeignKey("runs.id"), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("series", sa.Text, nullable=False),
    sa.Column("step", sa.Integer, nullable=False),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("value", sa.Float),
    sa.Column("time", sa.Float, nullable=False),
    sqlite_with_rowid=False,
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("run", sa.Integer, sa.ForeignKey("runs.id"), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("step", sa.Integer, nullable=False),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
    sa.Column("time", sa.Float, nullable=False),
    sqlite_with_rowid=False,
)

# What people ask of an attempt that is under way. Its worker takes each once; a later attempt never sees it.
commands = sa.Table(
    "commands",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("run", sa.Integer, sa.ForeignKey("runs.id"), nullable=False, index=True),
    sa.Column("attempt", sa.Integer, nullable=False, default=0, server_default="0"),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("taken_at", sa.Float),
)

# The series of ended runs: the rows of `metrics` packed into one blob each, read behind the same cursor.
series = sa.Table(
    "series",
    metadata,
    sa.Column("run", sa.Integer, sa.ForeignKey("runs.id"), primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("first_seq", sa.Integer, primary_key=True),
    sa.Column("last_seq", sa.Integer, nullable=False),
    sa.Column("points", sa.Integer, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

# Checkpoints that are whole on the disk: the row is written after the files and deleted before them.
checkpoints = sa.Table(
    "checkpoints",
    metadata,
    sa.Column("run", sa.Integer, sa.ForeignKey("runs.id"), primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("step", sa.Integer, nullable=False),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("best", sa.Boolean, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("time", sa.Float, nullable=False),
)

# Where a run comes from: `relation` is `changed` (the same config but for some knobs). A parent is not deleted.
lineage = sa.Table(
    "lineage",
    metadata,
    sa.Column("run", sa.Integer, sa.ForeignKey("runs.id"), primary_key=True),
    sa.Column("parent", sa.Integer, sa.ForeignKey("runs.id"), primary_key=True, index=True),
    sa.Column("relation", sa.Text, nullable=False),
)

# Runs that were queued because a verdict on their parent prescribed it: what was said, and what was tried.
advice = sa.Table(
    "advice",
    metadata,
    sa.Column("run", sa.Integer, sa.ForeignKey("runs.id"), primary_key=True),
    sa.Column("parent", sa.Integer, sa.ForeignKey("runs.id"), nullable=False, index=True),
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("prescription", sa.Text, nullable=False, index=True),
)

# Words by which people find runs again.
tags = sa.Table(
    "tags",
    metadata,
    sa.Column("run", sa.Integer, sa.ForeignKey("runs.id"), primary_key=True),
    sa.Column("tag", sa.Text, primary_key=True, index=True),
)

# Questions to the servant and its answers. Equal questions have equal `key` and share an answer.
requests = sa.Table(
    "requests",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("payload", sa.JSON, nullable=False),
    sa.Column("state", sa.Text, nullable=False, index=True),
    sa.Column("answer", sa.JSON),
    sa.Column("picture", sa.LargeBinary),
    sa.Column("asked_at", sa.Float, nullable=False),
    sa.Column("answered_at", sa.Float),
)

# What people have set for the whole data folder, by name.
settings = sa.Table(
    "settings",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.JSON, nullable=False),
)

# The test part is looked at once, when a run finishes, and kept apart so that nothing reads it by accident.
tests = sa.Table(
    "tests",
    metadata,
    sa.Column("run", sa.Integer, sa.ForeignKey("runs.id"), primary_key=True),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("loss", sa.Float, nullable=False),
    sa.Column("accuracy", sa.Float, nullable=False),
    sa.Column("images", sa.Integer, nullable=False),
    sa.Column("time", sa.Float, nullable=False),
)

# The processes that stand beside the store, one row each: who is there, which version, when last seen.
processes = sa.Table(
    "processes",
    metadata,
    sa.Column("role", sa.Text, primary_key=True),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("boot", sa.Text, nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("process_start", sa.Text, nullable=False),
    sa.Column("heartbeat", sa.Float, nullable=False),
)
