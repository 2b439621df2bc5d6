-- Run histories: an event log per run, and snapshots of the state after some of the events.
--
-- The snapshots of a run form a chain in order of at_seq: each names the one before it, the run names
-- both ends and counts the links. So a row that vanished is noticed by whoever comes past its place.

-- A run is there as long as it has events or snapshots.
CREATE TABLE run (
  run_key           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT
                    CHECK (run_key BETWEEN 1 AND 2147483647),
  name              TEXT    NOT NULL UNIQUE,
  node_key          INTEGER,           -- log_node; NULL: no event yet
  first_seq         INTEGER NOT NULL CHECK (first_seq >= 1),  -- of the log's first entry
  event_count       INTEGER NOT NULL CHECK (event_count BETWEEN 0 AND 4294967295),
  raw_bytes         INTEGER NOT NULL CHECK (raw_bytes >= 0),  -- of the events
  snapshot_count    INTEGER NOT NULL CHECK (snapshot_count >= 0),
  oldest_at_seq     INTEGER CHECK (oldest_at_seq >= 0),
  newest_at_seq     INTEGER CHECK (newest_at_seq >= oldest_at_seq),
  created_at_us     INTEGER NOT NULL,
  digest            INTEGER NOT NULL,  -- of the row
  CHECK ((node_key IS NULL) = (event_count = 0)),
  CHECK ((newest_at_seq IS NULL) = (snapshot_count = 0)),
  CHECK ((oldest_at_seq IS NULL) = (snapshot_count = 0))
) STRICT;

-- The payload comes last: what stands behind a long one in a row is slow to reach.
CREATE TABLE snapshot (
  snapshot_key      INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  run_key           INTEGER NOT NULL,
  at_seq            INTEGER NOT NULL CHECK (at_seq >= 0),  -- the last event that went into it
  previous_at_seq   INTEGER CHECK (previous_at_seq < at_seq),  -- of no meaning in the run's oldest
  created_at_us     INTEGER NOT NULL,
  codec             TEXT    NOT NULL DEFAULT 'raw',
  value_version     INTEGER NOT NULL DEFAULT 0,
  raw_bytes         INTEGER NOT NULL CHECK (raw_bytes >= 0),
  content_key       INTEGER,
  payload_digest    INTEGER NOT NULL,  -- of raw_bytes, payload, content_key
  digest            INTEGER NOT NULL,  -- of the run's name and of all columns but payload, snapshot_key
  payload           ANY,               -- JSON as text, anything else as a blob; NULL: in content
  UNIQUE (run_key, at_seq),
  CHECK ((payload IS NULL) = (content_key IS NOT NULL))
) STRICT;
