-- Payloads too large for the row that they belong to. Exactly one row of another table names each content_key;
-- what removes that row removes the content in the same transaction.
--
-- A content is a list of chunks, cut where their own bytes say so. Equal chunks are stored once for the
-- whole file, whoever wrote them, and counted. A chunk that is nearly another one is stored as its
-- difference from that one, its keyframe, which is stored in full: one step, never a chain.

-- What keyed digests are made with: GMAC under the first 16 bytes. Made with the first content, and the
-- same for life, in every copy of the file; kept twice, since nothing large can be read without it.
CREATE TABLE content_secret (
  secret_key       INTEGER NOT NULL PRIMARY KEY CHECK (secret_key = 1),
  secret           BLOB    NOT NULL CHECK (length(secret) = 16),
  digest           INTEGER NOT NULL   -- of the row
) STRICT;

CREATE TABLE content_secret_copy (
  secret_key       INTEGER NOT NULL PRIMARY KEY CHECK (secret_key = 1),
  secret           BLOB    NOT NULL CHECK (length(secret) = 16),
  digest           INTEGER NOT NULL   -- of the row
) STRICT;

CREATE TABLE content (
  content_key      INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT
                   CHECK (content_key BETWEEN 1 AND 2147483647),
  raw_bytes        INTEGER NOT NULL CHECK (raw_bytes >= 0),
  stored_bytes     INTEGER NOT NULL CHECK (stored_bytes >= 0),  -- of the chunks that came with it
  chunk_count      INTEGER NOT NULL CHECK (chunk_count >= 0),
  -- Of content_key, raw_bytes, stored_bytes, and every chunk's keyed digest and length.
  keyed_digest     BLOB    NOT NULL CHECK (length(keyed_digest) = 16),
  digest           INTEGER NOT NULL,  -- of the row
  -- The chunk_keys in order, each as its difference from the one before (zigzag, LEB128).
  recipe           BLOB    NOT NULL
) STRICT;

-- Narrow, since counting goes through many rows; the bytes stand apart.
CREATE TABLE chunk (
  chunk_key        INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  users            INTEGER NOT NULL CHECK (users >= 0),       -- its places in contents
  dependants       INTEGER NOT NULL CHECK (dependants >= 0),  -- chunks whose keyframe it is
  keyframe_key     INTEGER,                                   -- of a delta
  codec            TEXT    NOT NULL CHECK (codec IN ('raw', 'zstd', 'delta')),
  raw_bytes        INTEGER NOT NULL CHECK (raw_bytes > 0),
  stored_bytes     INTEGER NOT NULL CHECK (stored_bytes >= 0),
  keyed_digest     BLOB    NOT NULL CHECK (length(keyed_digest) = 16),  -- of the raw bytes
  digest           INTEGER NOT NULL,  -- of the row
  CHECK ((codec = 'delta') = (keyframe_key IS NOT NULL))
) STRICT;

CREATE INDEX chunk_by_digest ON chunk (keyed_digest);

CREATE TABLE chunk_data (
  chunk_key        INTEGER NOT NULL PRIMARY KEY,
  bytes            BLOB    NOT NULL CHECK (length(bytes) <= 1048576)
) STRICT;

-- What a large prune or removal has made invisible: the rows of the table `kind` with these keys, which are
-- freed in slices, and then this row.
CREATE TABLE removal (
  removal_key      INTEGER NOT NULL PRIMARY KEY,  -- nothing names it: it may be used again
  kind             TEXT    NOT NULL CHECK (kind IN ('checkpoint', 'log_entry')),
  first_key        INTEGER NOT NULL,
  last_key         INTEGER NOT NULL CHECK (last_key >= first_key),
  digest           INTEGER NOT NULL   -- of kind, first_key, last_key
) STRICT;

CREATE INDEX removal_by_key ON removal (kind, first_key);

-- What a large payload has staged so far: an upload puts its chunks into contents of up to 4 MiB, a transaction
-- each. The last transaction makes one content of them, and these rows go. An upload whose rows have all expired is
-- given up: the next upload, or shrink(), removes what it has staged.
CREATE TABLE content_upload (
  stage_key        INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  upload_key       INTEGER NOT NULL,  -- the stage_key of its first stage
  raw_bytes        INTEGER NOT NULL CHECK (raw_bytes > 0),
  content_key      INTEGER NOT NULL,
  boot_id          TEXT    NOT NULL,  -- of the boot whose clock expires_at counts on
  expires_at_ms    INTEGER NOT NULL,  -- milliseconds of that boot-time clock
  digest           INTEGER NOT NULL   -- of the row
) STRICT;
