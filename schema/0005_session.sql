-- Sessions, their segments, and the metadata of pods.

CREATE TABLE session (
  session_key      INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT
                   CHECK (session_key BETWEEN 1 AND 2147483647),
  name             TEXT    NOT NULL UNIQUE,
  created_at_us    INTEGER NOT NULL,
  recency_us       INTEGER NOT NULL,  -- most recent first: the higher, then the later key
  -- Its segments' times were given: the recency follows the earliest of them.
  recency_given    INTEGER NOT NULL CHECK (recency_given IN (0, 1)),
  segment_count    INTEGER NOT NULL CHECK (segment_count >= 0),
  digest           INTEGER NOT NULL   -- of the row
) STRICT;

CREATE INDEX session_by_recency ON session (recency_us, session_key);

-- A segment's entries are the first entry_count of its log node; its trace entries are a log of their own.
CREATE TABLE segment (
  segment_key      INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT
                   CHECK (segment_key BETWEEN 1 AND 2147483647),
  session_key      INTEGER NOT NULL,
  name             TEXT    NOT NULL UNIQUE,
  node_key         INTEGER NOT NULL,
  entry_count      INTEGER NOT NULL CHECK (entry_count BETWEEN 0 AND 4294967295),
  raw_bytes        INTEGER NOT NULL CHECK (raw_bytes >= 0),
  trace_node_key   INTEGER,           -- NULL: no trace entry yet
  trace_count      INTEGER NOT NULL CHECK (trace_count BETWEEN 0 AND 4294967295),
  created_at_us    INTEGER NOT NULL,
  recency_us       INTEGER NOT NULL,
  -- What its first entry says, if that is a segment_start: ids of segments, which may be missing.
  forked_from      TEXT,
  forked_at_turn   INTEGER,
  compacted_from   TEXT,
  compacted_at_turn INTEGER,
  metadata_digest  INTEGER,           -- of the row in segment_metadata; NULL: there is none
  digest           INTEGER NOT NULL   -- of the row
) STRICT;

CREATE INDEX segment_by_recency ON segment (session_key, recency_us, segment_key);

-- Beside its segment, since every append rewrites the segment's row.
CREATE TABLE segment_metadata (
  segment_key      INTEGER NOT NULL PRIMARY KEY,
  metadata         TEXT    NOT NULL CHECK (length(metadata) > 0)  -- JSON
) STRICT;

CREATE TABLE pod (
  pod_key          INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  name             TEXT    NOT NULL UNIQUE,
  updated_at_us    INTEGER NOT NULL,
  raw_bytes        INTEGER NOT NULL CHECK (raw_bytes >= 0),
  payload          ANY,               -- JSON as text; NULL: in content
  content_key      INTEGER,
  digest           INTEGER NOT NULL,  -- of the row
  CHECK ((payload IS NULL) = (content_key IS NOT NULL))
) STRICT;
