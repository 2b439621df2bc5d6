-- Blob checkpoints per trace.
--
-- The order within a trace is the order of saving; a checkpoint saved again gets a new ordinal. The
-- checkpoints of a trace form a chain: each names the ordinal before it, the trace names both ends and
-- counts the links. So a row that vanished is noticed by whoever comes past its place.
--
-- Rows before the oldest, and rows of a trace that is not there, were pruned and wait to be freed: each is
-- within a row of `removal`, and nobody sees it.

-- A trace is there as long as it has checkpoints.
CREATE TABLE trace (
  trace_key         INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT
                    CHECK (trace_key BETWEEN 1 AND 2147483647),
  name              TEXT    NOT NULL UNIQUE,
  last_ordinal      INTEGER NOT NULL CHECK (last_ordinal BETWEEN 0 AND 4294967295),  -- ever given
  oldest_ordinal    INTEGER NOT NULL CHECK (oldest_ordinal BETWEEN 0 AND newest_ordinal),
  newest_ordinal    INTEGER NOT NULL CHECK (newest_ordinal BETWEEN 0 AND last_ordinal),
  checkpoint_count  INTEGER NOT NULL CHECK (checkpoint_count >= 0),
  created_at_us     INTEGER NOT NULL,
  digest            INTEGER NOT NULL   -- of the row
) STRICT;

-- The payload comes last: what stands behind a long one in a row is slow to reach.
CREATE TABLE checkpoint (
  checkpoint_key    INTEGER NOT NULL PRIMARY KEY,  -- trace_key << 32 | ordinal
  previous_ordinal  INTEGER NOT NULL               -- of no meaning in the oldest of its trace
                    CHECK (previous_ordinal BETWEEN 0 AND 4294967295),
  name              TEXT    NOT NULL UNIQUE,       -- the checkpoint's id
  graph_hash        INTEGER NOT NULL,  -- 64 opaque bits
  created_at_ns     INTEGER NOT NULL,  -- the caller's; nanoseconds since the epoch
  saved_at_us       INTEGER NOT NULL,
  codec             TEXT    NOT NULL DEFAULT 'raw',
  value_version     INTEGER NOT NULL DEFAULT 0,
  parent            TEXT,              -- the id of the checkpoint that it came from, which may be missing
  metadata          TEXT,              -- JSON
  raw_bytes         INTEGER NOT NULL CHECK (raw_bytes >= 0),
  content_key       INTEGER,
  payload_digest    INTEGER NOT NULL,  -- of raw_bytes, payload, content_key
  digest            INTEGER NOT NULL,  -- of the trace's name and of all columns but payload
  payload           ANY,               -- JSON as text, anything else as a blob; NULL: in content
  CHECK ((payload IS NULL) = (content_key IS NOT NULL))
) STRICT;

-- Writes that belong to a checkpoint but came after it, one per (task, index).
CREATE TABLE pending_write (
  checkpoint_key   INTEGER NOT NULL,
  task             TEXT    NOT NULL,
  write_index      INTEGER NOT NULL,
  channel          TEXT    NOT NULL,
  codec            TEXT    NOT NULL,
  raw_bytes        INTEGER NOT NULL CHECK (raw_bytes >= 0),
  payload          ANY,
  content_key      INTEGER,
  digest           INTEGER NOT NULL,
  PRIMARY KEY (checkpoint_key, task, write_index),
  CHECK ((payload IS NULL) = (content_key IS NOT NULL))
) STRICT;
