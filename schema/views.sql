-- What a person asks for, in plain names. These views are a stable interface (docs/file-format.md); the
-- tables under them are not. Times are ISO 8601, UTC. `json` is the payload where it is inline JSON text,
-- else NULL, so that ->> never fails. raw_bytes is what was given, stored_bytes what
-- saving it has added: chunks that it shares with something older cost nothing.

CREATE VIEW checkpoints AS
SELECT t.name AS trace,
       c.name AS id,
       strftime('%Y-%m-%dT%H:%M:%fZ', c.saved_at_us / 1000000.0, 'unixepoch') AS saved_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', c.created_at_ns / 1000000000.0, 'unixepoch') AS created_at,
       printf('0x%016x', c.graph_hash) AS graph_hash,
       c.codec,
       c.parent,
       c.metadata,
       CASE WHEN typeof(c.payload) = 'text' THEN c.payload END AS json,
       c.payload AS data,
       c.raw_bytes,
       ifnull(k.stored_bytes, c.raw_bytes) AS stored_bytes,
       c.checkpoint_key & 4294967295 AS ordinal
  FROM trace AS t
  JOIN checkpoint AS c ON c.checkpoint_key BETWEEN (t.trace_key << 32) + t.oldest_ordinal
                                               AND (t.trace_key << 32) + 4294967295
  LEFT JOIN content AS k ON k.content_key = c.content_key;

CREATE VIEW sessions AS
SELECT s.name AS session,
       strftime('%Y-%m-%dT%H:%M:%fZ', s.created_at_us / 1000000.0, 'unixepoch') AS created_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', s.recency_us / 1000000.0, 'unixepoch') AS recency,
       (SELECT count(*) FROM segment AS g WHERE g.session_key = s.session_key) AS segments,
       (SELECT ifnull(sum(g.entry_count), 0) FROM segment AS g
         WHERE g.session_key = s.session_key) AS entries,
       (SELECT ifnull(sum(g.raw_bytes), 0) FROM segment AS g
         WHERE g.session_key = s.session_key) AS raw_bytes
  FROM session AS s;

CREATE VIEW segments AS
SELECT s.name AS session,
       g.name AS segment,
       strftime('%Y-%m-%dT%H:%M:%fZ', g.created_at_us / 1000000.0, 'unixepoch') AS created_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', g.recency_us / 1000000.0, 'unixepoch') AS recency,
       g.entry_count AS entries,
       g.trace_count AS trace_entries,
       g.raw_bytes,
       g.forked_from,
       g.forked_at_turn,
       g.compacted_from,
       g.compacted_at_turn,
       m.metadata
  FROM segment AS g
  JOIN session AS s ON s.session_key = g.session_key
  LEFT JOIN segment_metadata AS m ON m.segment_key = g.segment_key;

-- The entries of all segments; positions count from 0.
CREATE VIEW log AS
SELECT s.name AS session,
       g.name AS segment,
       (e.entry_key & 4294967295) - 1 AS position,
       strftime('%Y-%m-%dT%H:%M:%fZ', e.created_at_us / 1000000.0, 'unixepoch') AS created_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', e.time_us / 1000000.0, 'unixepoch') AS time,
       e.kind,
       e.turn,
       ifnull(e.codec, 'json') AS codec,
       CASE WHEN typeof(e.payload) = 'text' THEN e.payload END AS json,
       e.payload AS data,
       e.raw_bytes,
       ifnull(k.stored_bytes, e.raw_bytes) AS stored_bytes
  FROM segment AS g
  JOIN session AS s ON s.session_key = g.session_key
  JOIN log_entry AS e ON e.entry_key BETWEEN (g.node_key << 32) + 1
                                         AND (g.node_key << 32) + g.entry_count
  LEFT JOIN content AS k ON k.content_key = e.content_key;

-- The trace entries beside them.
CREATE VIEW trace_log AS
SELECT s.name AS session,
       g.name AS segment,
       (e.entry_key & 4294967295) - 1 AS position,
       strftime('%Y-%m-%dT%H:%M:%fZ', e.created_at_us / 1000000.0, 'unixepoch') AS created_at,
       e.kind,
       ifnull(e.codec, 'json') AS codec,
       CASE WHEN typeof(e.payload) = 'text' THEN e.payload END AS json,
       e.payload AS data,
       e.raw_bytes,
       ifnull(k.stored_bytes, e.raw_bytes) AS stored_bytes
  FROM segment AS g
  JOIN session AS s ON s.session_key = g.session_key
  JOIN log_entry AS e ON e.entry_key BETWEEN (g.trace_node_key << 32) + 1
                                         AND (g.trace_node_key << 32) + g.trace_count
  LEFT JOIN content AS k ON k.content_key = e.content_key;

CREATE VIEW pods AS
SELECT p.name AS pod,
       CASE WHEN typeof(p.payload) = 'text' THEN p.payload END AS json,
       strftime('%Y-%m-%dT%H:%M:%fZ', p.updated_at_us / 1000000.0, 'unixepoch') AS updated_at,
       p.raw_bytes,
       ifnull(k.stored_bytes, p.raw_bytes) AS stored_bytes
  FROM pod AS p
  LEFT JOIN content AS k ON k.content_key = p.content_key;

CREATE VIEW runs AS
SELECT r.name AS run,
       strftime('%Y-%m-%dT%H:%M:%fZ', r.created_at_us / 1000000.0, 'unixepoch') AS created_at,
       r.first_seq,
       CASE WHEN r.event_count = 0 THEN 0 ELSE r.first_seq + r.event_count - 1 END AS head,
       r.event_count AS events,
       r.snapshot_count AS snapshots,
       r.raw_bytes
  FROM run AS r;

CREATE VIEW events AS
SELECT r.name AS run,
       r.first_seq + (e.entry_key & 4294967295) - 1 AS seq,
       strftime('%Y-%m-%dT%H:%M:%fZ', e.created_at_us / 1000000.0, 'unixepoch') AS created_at,
       e.kind,
       ifnull(e.codec, 'json') AS codec,
       CASE WHEN typeof(e.payload) = 'text' THEN e.payload END AS json,
       e.payload AS data,
       e.raw_bytes,
       ifnull(k.stored_bytes, e.raw_bytes) AS stored_bytes
  FROM run AS r
  JOIN log_entry AS e ON e.entry_key BETWEEN (r.node_key << 32) + 1
                                         AND (r.node_key << 32) + r.event_count
  LEFT JOIN content AS k ON k.content_key = e.content_key;

CREATE VIEW snapshots AS
SELECT r.name AS run,
       n.at_seq,
       strftime('%Y-%m-%dT%H:%M:%fZ', n.created_at_us / 1000000.0, 'unixepoch') AS created_at,
       n.codec,
       CASE WHEN typeof(n.payload) = 'text' THEN n.payload END AS json,
       n.payload AS data,
       n.raw_bytes,
       ifnull(k.stored_bytes, n.raw_bytes) AS stored_bytes
  FROM snapshot AS n
  JOIN run AS r ON r.run_key = n.run_key
  LEFT JOIN content AS k ON k.content_key = n.content_key;

CREATE VIEW manifests AS
SELECT t.name AS stream,
       m.checkpoint_id,
       CASE m.decoded WHEN 1 THEN m.epoch END AS epoch,
       strftime('%Y-%m-%dT%H:%M:%fZ', m.timestamp_ms / 1000.0, 'unixepoch') AS time,
       strftime('%Y-%m-%dT%H:%M:%fZ', m.saved_at_us / 1000000.0, 'unixepoch') AS saved_at,
       m.decoded,
       m.committed,
       m.state_checksum,
       CASE WHEN typeof(m.payload) = 'text' THEN m.payload END AS json,
       m.raw_bytes,
       s.raw_bytes AS state_bytes,
       ifnull(mk.stored_bytes, m.raw_bytes)
         + ifnull(ifnull(sk.stored_bytes, s.raw_bytes), 0) AS stored_bytes
  FROM manifest AS m
  JOIN stream AS t ON t.stream_key = m.stream_key
  LEFT JOIN manifest_state AS s ON s.stream_key = m.stream_key AND s.checkpoint_id = m.checkpoint_id
  LEFT JOIN content AS mk ON mk.content_key = m.content_key
  LEFT JOIN content AS sk ON sk.content_key = s.content_key;

-- Entries as they are now; operator, partition and subtask are NULL for flat ones.
CREATE VIEW state AS
SELECT b.name AS state,
       nullif(p.operator, '') AS operator,
       CASE WHEN p.operator <> '' THEN p.partition END AS partition,
       CASE WHEN p.operator <> '' THEN p.subtask END AS subtask,
       CAST(e.key AS TEXT) AS key,
       hex(e.key) AS key_hex,
       CASE WHEN typeof(e.payload) = 'text' THEN e.payload END AS json,
       e.payload AS value,
       e.raw_bytes,
       ifnull(k.stored_bytes, e.raw_bytes) AS stored_bytes
  FROM state_backend AS b
  JOIN state_partition AS p ON p.backend_key = b.backend_key
  JOIN state_entry AS e ON e.partition_key = p.partition_key
  LEFT JOIN content AS k ON k.content_key = e.content_key;

CREATE VIEW states AS
SELECT b.name AS state,
       b.version,
       b.entry_count AS entries,
       b.size_bytes,
       (SELECT count(*) FROM state_checkpoint AS c WHERE c.backend_key = b.backend_key) AS checkpoints,
       strftime('%Y-%m-%dT%H:%M:%fZ', b.created_at_us / 1000000.0, 'unixepoch') AS created_at
  FROM state_backend AS b;

CREATE VIEW state_checkpoints AS
SELECT b.name AS state,
       printf('%llu', c.checkpoint_id) AS id,
       strftime('%Y-%m-%dT%H:%M:%fZ', c.created_at_us / 1000000.0, 'unixepoch') AS created_at,
       c.version,
       c.entry_count AS entries,
       c.size_bytes
  FROM state_checkpoint AS c
  JOIN state_backend AS b ON b.backend_key = c.backend_key;

CREATE VIEW leases AS
SELECT l.name AS lease,
       l.holder,
       l.token,
       strftime('%Y-%m-%dT%H:%M:%fZ', l.acquired_at_us / 1000000.0, 'unixepoch') AS acquired_at
  FROM lease AS l;

-- What uses the disk. What a large prune has removed counts until it is freed. A chunk counts where it came first; what is left of owners that are gone, and is
-- shared by others, stands by itself. `rows` of that are all chunks.
CREATE VIEW storage_by_owner AS
SELECT 'trace' AS kind, c.trace AS owner, count(*) AS rows,
       sum(c.raw_bytes) AS raw_bytes, sum(c.stored_bytes) AS stored_bytes
  FROM checkpoints AS c GROUP BY c.trace
UNION ALL
SELECT 'segment', l.segment, count(*), sum(l.raw_bytes), sum(l.stored_bytes)
  FROM log AS l GROUP BY l.segment
UNION ALL
SELECT 'segment trace', l.segment, count(*), sum(l.raw_bytes), sum(l.stored_bytes)
  FROM trace_log AS l GROUP BY l.segment
UNION ALL
SELECT 'run', e.run, count(*), sum(e.raw_bytes), sum(e.stored_bytes)
  FROM events AS e GROUP BY e.run
UNION ALL
SELECT 'snapshots of run', n.run, count(*), sum(n.raw_bytes), sum(n.stored_bytes)
  FROM snapshots AS n GROUP BY n.run
UNION ALL
SELECT 'manifest stream', m.stream, count(*), sum(m.raw_bytes + ifnull(m.state_bytes, 0)),
       sum(m.stored_bytes)
  FROM manifests AS m GROUP BY m.stream
UNION ALL
SELECT 'state', b.name, count(*), sum(length(e.key) + e.raw_bytes),
       sum(length(e.key) + ifnull(k.stored_bytes, e.raw_bytes))
  FROM state_backend AS b
  JOIN state_partition AS p ON p.backend_key = b.backend_key
  JOIN state_entry AS e ON e.partition_key = p.partition_key
  LEFT JOIN content AS k ON k.content_key = e.content_key
 GROUP BY b.name
UNION ALL
SELECT 'checkpoints of state', b.name, count(*), sum(length(u.key) + ifnull(u.raw_bytes, 0)),
       sum(length(u.key) + ifnull(ifnull(k.stored_bytes, u.raw_bytes), 0))
  FROM state_backend AS b
  JOIN state_undo AS u ON u.backend_key = b.backend_key
  LEFT JOIN content AS k ON k.content_key = u.content_key
 GROUP BY b.name
UNION ALL
SELECT 'removed', 'being freed', count(*), sum(g.raw_bytes), sum(ifnull(k.stored_bytes, g.raw_bytes))
  FROM (SELECT c.raw_bytes, c.content_key FROM removal AS r
          JOIN checkpoint AS c ON c.checkpoint_key BETWEEN r.first_key AND r.last_key
         WHERE r.kind = 'checkpoint'
        UNION ALL
        SELECT e.raw_bytes, e.content_key FROM removal AS r
          JOIN log_entry AS e ON e.entry_key BETWEEN r.first_key AND r.last_key
         WHERE r.kind = 'log_entry') AS g
  LEFT JOIN content AS k ON k.content_key = g.content_key
HAVING count(*) > 0
UNION ALL
SELECT 'upload', 'not finished', count(*), sum(u.raw_bytes), sum(k.stored_bytes)
  FROM content_upload AS u LEFT JOIN content AS k ON k.content_key = u.content_key
HAVING count(*) > 0
UNION ALL
SELECT 'shared chunks', 'whose first owner is gone', count(*), 0,
       ifnull(sum(c.stored_bytes), 0) - (SELECT ifnull(sum(k.stored_bytes), 0) FROM content AS k)
  FROM chunk AS c
HAVING sum(c.stored_bytes) > (SELECT ifnull(sum(k.stored_bytes), 0) FROM content AS k);

CREATE VIEW schema_history AS
SELECT v.version, v.name, v.sha256, v.library_version,
       strftime('%Y-%m-%dT%H:%M:%fZ', v.applied_at_us / 1000000.0, 'unixepoch') AS applied_at
  FROM schema_migration AS v;
