-- Checkpoint manifests with their state, per named stream.

-- latest_id and id_digest make a manifest that vanished differ from one that never was.
CREATE TABLE stream (
  stream_key       INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT
                   CHECK (stream_key BETWEEN 1 AND 2147483647),
  name             TEXT    NOT NULL UNIQUE,  -- may be empty
  created_at_us    INTEGER NOT NULL,
  latest_id        INTEGER,           -- the highest checkpoint id; NULL: there is no manifest
  id_digest        INTEGER NOT NULL,  -- sum of a hash of each checkpoint id, modulo 2^64
  digest           INTEGER NOT NULL   -- of the row
) STRICT;

-- The JSON is kept as it was given. What the store needs of it stands in columns, written with it; a
-- manifest that could not be decoded (only an import keeps one) has decoded = 0.
CREATE TABLE manifest (
  manifest_key     INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  stream_key       INTEGER NOT NULL,
  checkpoint_id    INTEGER NOT NULL CHECK (checkpoint_id >= 0),
  decoded          INTEGER NOT NULL CHECK (decoded IN (0, 1)),
  epoch            INTEGER NOT NULL,  -- 0 where decoded = 0
  timestamp_ms     INTEGER NOT NULL,
  committed        INTEGER NOT NULL CHECK (committed IN (0, 1)),  -- no sink is Pending or Failed
  state_checksum   TEXT,              -- SHA-256 in hex as that format defines it: the one declared in the JSON, else computed
  checksum_matches INTEGER NOT NULL CHECK (checksum_matches IN (0, 1)),  -- what was declared was right
  state_sha256     BLOB    CHECK (length(state_sha256) = 32),  -- NULL: it was saved without a state
  saved_at_us      INTEGER NOT NULL,
  raw_bytes        INTEGER NOT NULL CHECK (raw_bytes >= 0),
  payload          ANY,               -- JSON as text, anything else as a blob; NULL: in content
  content_key      INTEGER,
  joint_digest     BLOB    NOT NULL CHECK (length(joint_digest) = 32),  -- of manifest and state together
  digest           INTEGER NOT NULL,  -- of the row
  UNIQUE (stream_key, checkpoint_id),
  CHECK ((payload IS NULL) = (content_key IS NOT NULL))
) STRICT;

-- State by checkpoint id; without a manifest of that id it is an orphan, which nobody sees.
CREATE TABLE manifest_state (
  state_key        INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  stream_key       INTEGER NOT NULL,
  checkpoint_id    INTEGER NOT NULL CHECK (checkpoint_id >= 0),
  saved_at_us      INTEGER NOT NULL,
  sha256           BLOB    NOT NULL CHECK (length(sha256) = 32),  -- of the raw bytes
  raw_bytes        INTEGER NOT NULL CHECK (raw_bytes >= 0),
  payload          ANY,
  content_key      INTEGER,
  digest           INTEGER NOT NULL,
  UNIQUE (stream_key, checkpoint_id),
  CHECK ((payload IS NULL) = (content_key IS NOT NULL))
) STRICT;
