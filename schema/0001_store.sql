-- The file itself: who it is, how its schema came about, and who may act as whose one writer.

-- One row. The store id is for life; the incarnation changes in every backup and on restore, so that a
-- copy can be told from what it was copied from.
CREATE TABLE store (
  store_key        INTEGER NOT NULL PRIMARY KEY CHECK (store_key = 1),
  store_id         TEXT    NOT NULL,  -- UUIDv7
  incarnation      TEXT    NOT NULL,  -- UUIDv7
  created_at_us    INTEGER NOT NULL,  -- microseconds since the epoch, UTC
  normal_commits   INTEGER NOT NULL,  -- 1: there may have been commits at normal durability; else 0
  schema_cookie    INTEGER NOT NULL,  -- PRAGMA schema_version after our migrations: another value means
                                      -- that somebody else has added or dropped something since
  roots_digest     INTEGER NOT NULL,  -- of where our tables and indexes began at that cookie
  digest           INTEGER NOT NULL   -- of the ids and created_at_us
) STRICT;

-- One row per migration that was applied.
CREATE TABLE schema_migration (
  version          INTEGER NOT NULL PRIMARY KEY,
  name             TEXT    NOT NULL,
  sha256           TEXT    NOT NULL,  -- of the migration's SQL, in hex
  library_version  TEXT    NOT NULL,
  applied_at_us    INTEGER NOT NULL
) STRICT;

-- Named leases. A row stays when its lease is given up, since the token must never go back.
CREATE TABLE lease (
  lease_key        INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  name             TEXT    NOT NULL UNIQUE,
  holder           TEXT,              -- NULL: given up
  token            INTEGER NOT NULL CHECK (token > 0),  -- rises whenever the holder changes
  boot_id          TEXT    NOT NULL,  -- of the boot whose clock expires_at counts on
  expires_at_ms    INTEGER NOT NULL,  -- milliseconds of that boot-time clock
  acquired_at_us   INTEGER NOT NULL,
  digest           INTEGER NOT NULL   -- of the row
) STRICT;
