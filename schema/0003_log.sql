-- Logs: what segments and runs are made of. Entries belong to nodes; a segment or a run is a node and a
-- count. A node may go on from its parent's first inherited_count entries, which are not copied.

CREATE TABLE log_node (
  node_key         INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT
                   CHECK (node_key BETWEEN 1 AND 2147483647),
  parent_node_key  INTEGER,           -- log_node; NULL: begins empty
  inherited_count  INTEGER NOT NULL DEFAULT 0 CHECK (inherited_count >= 0)
) STRICT;

-- Ordinals of a node run 1..n without a gap.
CREATE TABLE log_entry (
  entry_key        INTEGER NOT NULL PRIMARY KEY,  -- node_key << 32 | ordinal
  created_at_us    INTEGER NOT NULL,  -- when it was appended, microseconds since the epoch, UTC
  kind             TEXT,              -- what the entry says of itself, where it is JSON
  time_us          INTEGER,           -- its own time stamp
  turn             INTEGER,           -- its turn count
  codec            TEXT,              -- NULL: json
  raw_bytes        INTEGER NOT NULL CHECK (raw_bytes >= 0),
  payload          ANY,               -- JSON as text, anything else as a blob; NULL: in content
  content_key      INTEGER,
  digest           INTEGER NOT NULL,  -- of the row
  CHECK ((payload IS NULL) = (content_key IS NOT NULL))
) STRICT;

CREATE INDEX log_entry_by_turn ON log_entry (entry_key >> 32, turn) WHERE turn IS NOT NULL;
