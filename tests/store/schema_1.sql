-- The store as the first version made it, with one run that had ended, one under way and one in the queue.
CREATE TABLE processes (
  role TEXT NOT NULL,
  version TEXT NOT NULL,
  boot TEXT NOT NULL,
  pid INTEGER NOT NULL,
  process_start TEXT NOT NULL,
  heartbeat FLOAT NOT NULL,
  PRIMARY KEY (role)
);
CREATE TABLE runs (
  id INTEGER NOT NULL,
  launch_key TEXT,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  state TEXT NOT NULL,
  reason JSON,
  config JSON NOT NULL,
  config_version INTEGER NOT NULL,
  numerics JSON,
  summary JSON NOT NULL,
  priority INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  token TEXT,
  created_at FLOAT NOT NULL,
  started_at FLOAT,
  ended_at FLOAT,
  PRIMARY KEY (id),
  UNIQUE (launch_key)
);
CREATE INDEX ix_runs_state ON runs (state);
CREATE TABLE attempts (
  run INTEGER NOT NULL,
  number INTEGER NOT NULL,
  token TEXT NOT NULL,
  boot TEXT,
  pid INTEGER,
  process_start TEXT,
  heartbeat FLOAT,
  state TEXT NOT NULL,
  reason JSON,
  created_at FLOAT NOT NULL,
  ended_at FLOAT,
  PRIMARY KEY (run, number),
  FOREIGN KEY(run) REFERENCES runs (id),
  UNIQUE (token)
);
CREATE TABLE commands (
  id INTEGER NOT NULL,
  run INTEGER NOT NULL,
  kind TEXT NOT NULL,
  created_at FLOAT NOT NULL,
  taken_at FLOAT,
  PRIMARY KEY (id),
  FOREIGN KEY(run) REFERENCES runs (id)
);
CREATE INDEX ix_commands_run ON commands (run);
CREATE TABLE events (
  run INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  kind TEXT NOT NULL,
  step INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  data JSON NOT NULL,
  time FLOAT NOT NULL,
  PRIMARY KEY (run, seq),
  FOREIGN KEY(run) REFERENCES runs (id)
)
 WITHOUT ROWID;
CREATE TABLE metrics (
  run INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  series TEXT NOT NULL,
  step INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  value FLOAT,
  time FLOAT NOT NULL,
  PRIMARY KEY (run, seq),
  FOREIGN KEY(run) REFERENCES runs (id)
)
 WITHOUT ROWID;
CREATE TABLE tests (
  run INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  loss FLOAT NOT NULL,
  accuracy FLOAT NOT NULL,
  images INTEGER NOT NULL,
  time FLOAT NOT NULL,
  PRIMARY KEY (run),
  FOREIGN KEY(run) REFERENCES runs (id)
);

INSERT INTO runs VALUES (1, NULL, 'first', 'train', 'finished', NULL, '{"data": {"dataset": "digits"}, "budget": {"epochs": 3}}', 1, '{"threads": 1}', '{"epoch": 3}', 0, 1, NULL, 100.0, 101.0, 102.0);
INSERT INTO runs VALUES (2, 'key', 'second', 'train', 'running', NULL, '{"budget": {"epochs": 9}}', 1, '{"threads": 1}', '{}', 0, 1, 'token2', 200.0, 201.0, NULL);
INSERT INTO runs VALUES (3, NULL, 'third', 'train', 'queued', NULL, '{"budget": {"epochs": 9}}', 1, NULL, '{}', 0, 0, NULL, 300.0, NULL, NULL);
INSERT INTO attempts VALUES (1, 1, 'token1', 'boot', 10, '1', 50.0, 'finished', NULL, 100.0, 102.0);
INSERT INTO attempts VALUES (2, 1, 'token2', 'boot', 11, '1', 60.0, 'running', NULL, 200.0, NULL);
INSERT INTO metrics VALUES (1, 1, 1, 'val_loss', 1, 1, 0.5, 101.0);
INSERT INTO events VALUES (1, 2, 1, 'verdict', 1, 1, '{"name": "learning"}', 101.0);
INSERT INTO commands VALUES (1, 2, 'stop', 201.0, NULL);
PRAGMA user_version = 1;
