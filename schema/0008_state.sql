-- Partitioned keyed state, with checkpoints that cost what changed.
--
-- Time is cut into intervals by checkpoints: the open one, and those that a checkpoint has ended. The
-- first change of a key after the newest checkpoint keeps what was there before it in state_undo; the
-- row's own `interval` says whether that first change has happened. Without a checkpoint nothing is
-- kept. Interval numbers are never used twice.
--
-- Between two neighbouring checkpoints (and between the newest one and now) a key has at most one row of
-- state_undo. What a key was at a checkpoint is its state_undo row of the lowest later interval, or
-- else its entry as it is now. The rows between them are counted, since a row that is lost has no
-- digest to fail.

CREATE TABLE state_backend (
  backend_key      INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT
                   CHECK (backend_key BETWEEN 1 AND 2147483647),
  name             TEXT    NOT NULL UNIQUE,
  version          INTEGER NOT NULL DEFAULT 0,  -- puts, removals, restores, imports
  entry_count      INTEGER NOT NULL DEFAULT 0 CHECK (entry_count >= 0),
  size_bytes       INTEGER NOT NULL DEFAULT 0 CHECK (size_bytes >= 0),  -- of keys and values
  -- Sum of the entries' digests, modulo 2^64: entries that an old page brings back pass their own.
  entries_digest   INTEGER NOT NULL DEFAULT 0,
  interval         INTEGER NOT NULL DEFAULT 1,  -- the open one
  undo_count       INTEGER NOT NULL DEFAULT 0 CHECK (undo_count >= 0),  -- since the newest checkpoint
  created_at_us    INTEGER NOT NULL,
  -- Token of the lease holdfast:state:NAME by which a write-back buffer owns the state; 0: nobody does.
  owner_token      INTEGER NOT NULL DEFAULT 0 CHECK (owner_token >= 0),
  digest           INTEGER NOT NULL   -- of the row
) STRICT;

-- The flat entries of a backend are those of the partition without operator (operator ''). A row goes
-- with the last of its entries and undo rows.
CREATE TABLE state_partition (
  partition_key    INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  backend_key      INTEGER NOT NULL,
  operator         TEXT    NOT NULL,
  partition        INTEGER NOT NULL CHECK (partition BETWEEN 0 AND 4294967295),
  subtask          INTEGER NOT NULL CHECK (subtask BETWEEN 0 AND 4294967295),
  digest           INTEGER NOT NULL,  -- of the row
  UNIQUE (backend_key, operator, partition, subtask)
) STRICT;

-- The payload stands last: what a change asks of the row that it replaces is found without walking
-- the overflow pages of a large value.
CREATE TABLE state_entry (
  partition_key    INTEGER NOT NULL,
  key              BLOB    NOT NULL CHECK (length(key) <= 65535),
  interval         INTEGER NOT NULL,  -- of its last change
  raw_bytes        INTEGER NOT NULL CHECK (raw_bytes >= 0),
  content_key      INTEGER,
  digest           INTEGER NOT NULL,  -- of the row
  payload          ANY,               -- JSON as text, anything else as a blob; NULL: in content
  PRIMARY KEY (partition_key, key),
  CHECK ((payload IS NULL) = (content_key IS NOT NULL))
) STRICT, WITHOUT ROWID;

-- What a key was before its first change after a checkpoint: the row of state_entry as it stood, with
-- its content; its columns are NULL where the key was absent.
CREATE TABLE state_undo (
  undo_key         INTEGER NOT NULL PRIMARY KEY,  -- nothing names it: it may be used again
  backend_key      INTEGER NOT NULL,
  interval         INTEGER NOT NULL,  -- in which the change happened
  partition_key    INTEGER NOT NULL,
  key              BLOB    NOT NULL,
  old_interval     INTEGER,           -- the entry's
  raw_bytes        INTEGER,           -- the entry's
  content_key      INTEGER,           -- the entry's
  old_digest       INTEGER,           -- the entry's: it covers the payload
  digest           INTEGER NOT NULL,  -- of the row, its payload through old_digest
  payload          ANY,               -- the entry's
  CHECK ((old_interval IS NULL) = (raw_bytes IS NULL)),
  CHECK ((old_interval IS NULL) = (old_digest IS NULL)),
  CHECK ((old_interval IS NOT NULL) = (payload IS NOT NULL) + (content_key IS NOT NULL))
) STRICT;

CREATE UNIQUE INDEX state_undo_by_key ON state_undo (backend_key, partition_key, key, interval);
CREATE INDEX state_undo_by_interval ON state_undo (backend_key, interval);

-- A checkpoint is the end of the interval of that number.
CREATE TABLE state_checkpoint (
  checkpoint_key   INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  backend_key      INTEGER NOT NULL,
  checkpoint_id    INTEGER NOT NULL,  -- 64 opaque bits
  interval         INTEGER NOT NULL,
  version          INTEGER NOT NULL,
  entry_count      INTEGER NOT NULL,
  size_bytes       INTEGER NOT NULL,
  entries_digest   INTEGER NOT NULL,
  undo_count       INTEGER NOT NULL DEFAULT 0 CHECK (undo_count >= 0),  -- until the next; newest: 0
  created_at_us    INTEGER NOT NULL,
  digest           INTEGER NOT NULL,  -- of the row
  UNIQUE (backend_key, checkpoint_id),
  UNIQUE (backend_key, interval)
) STRICT;
