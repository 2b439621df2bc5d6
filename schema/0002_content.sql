-- Payloads too large for the row that they belong to. Exactly one row elsewhere names each content_key;
-- what removes that row removes the content in the same transaction.

CREATE TABLE content (
  content_key      INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT
                   CHECK (content_key BETWEEN 1 AND 2147483647),
  raw_bytes        INTEGER NOT NULL CHECK (raw_bytes >= 0),
  stored_bytes     INTEGER NOT NULL CHECK (stored_bytes >= 0),
  piece_count      INTEGER NOT NULL CHECK (piece_count >= 0),
  -- Of the content_key (8 bytes, little endian), then the raw bytes.
  sha256           BLOB    NOT NULL CHECK (length(sha256) = 32)
) STRICT;

-- Pieces 1..piece_count of a content, in order.
CREATE TABLE content_piece (
  piece_key        INTEGER NOT NULL PRIMARY KEY,  -- content_key << 32 | ordinal
  raw_bytes        INTEGER NOT NULL,
  codec            TEXT    NOT NULL CHECK (codec IN ('raw', 'zstd')),
  bytes            BLOB    NOT NULL CHECK (length(bytes) <= 1048576)
) STRICT;
