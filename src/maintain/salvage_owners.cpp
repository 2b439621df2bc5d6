// Traces with their checkpoints, streams with their manifests: chains, counts and heads by what is
// there.

#include "content/row_digest.hpp"
#include "engine/statement.hpp"
#include "maintain/salvaging.hpp"

#include <bit>
#include <optional>
#include <vector>

namespace holdfast::maintain {

namespace {

using engine::Connection;
using engine::Statement;

// Before the oldest that a proven record names stands what was pruned. (A record that was made anew names
// the oldest that is there.)
void remove_pruned(Salvaging& salvaging, Connection& db) {
  Statement remove(
      db,
      "DELETE FROM checkpoint WHERE checkpoint_key & 4294967295 <"
      " (SELECT t.oldest_ordinal FROM trace AS t WHERE t.trace_key = checkpoint_key >> 32)");
  salvaging.drop("checkpoint", static_cast<std::uint64_t>(remove.execute()));
}

void tell_of_checkpoints(Salvaging& salvaging, Connection& db) {
  Statement find(db,
                 "SELECT t.name, t.checkpoint_count,"
                 " (SELECT count(*) FROM checkpoint AS c WHERE c.checkpoint_key"
                 "   BETWEEN (t.trace_key << 32) + 1 AND (t.trace_key << 32) + 4294967295)"
                 "  AS actual,"
                 " (SELECT count(*) FROM checkpoint AS c"
                 "   WHERE c.checkpoint_key = (t.trace_key << 32) + t.newest_ordinal)"
                 " FROM trace AS t WHERE actual <> t.checkpoint_count");
  auto row = find.run();
  while (row.step()) {
    salvaging.lose(
        {"trace " + row.string(0),
         "checkpoints",
         row.bits(2),
         row.bits(1),
         row.integer(3) == 0 ? "the newest is among the missing ones" : "the newest is kept"});
  }
}

void link_checkpoints(Connection& db) {
  db.execute(
      "UPDATE checkpoint SET previous_ordinal = ifnull((SELECT max(p.checkpoint_key) & 4294967295"
      "  FROM checkpoint AS p WHERE p.checkpoint_key < checkpoint.checkpoint_key"
      "   AND p.checkpoint_key > (checkpoint.checkpoint_key >> 32) << 32), 0)"
      " WHERE previous_ordinal <> ifnull((SELECT max(p.checkpoint_key) & 4294967295"
      "  FROM checkpoint AS p WHERE p.checkpoint_key < checkpoint.checkpoint_key"
      "   AND p.checkpoint_key > (checkpoint.checkpoint_key >> 32) << 32), 0)");
  db.execute(
      "DELETE FROM trace WHERE NOT EXISTS (SELECT 1 FROM checkpoint AS c WHERE c.checkpoint_key"
      " BETWEEN (trace.trace_key << 32) + 1 AND (trace.trace_key << 32) + 4294967295)");
  db.execute(
      "UPDATE trace SET checkpoint_count = (SELECT count(*) FROM checkpoint AS c"
      "  WHERE c.checkpoint_key BETWEEN (trace.trace_key << 32) + 1"
      "   AND (trace.trace_key << 32) + 4294967295),"
      " oldest_ordinal = (SELECT min(c.checkpoint_key) & 4294967295 FROM checkpoint AS c"
      "  WHERE c.checkpoint_key BETWEEN (trace.trace_key << 32) + 1"
      "   AND (trace.trace_key << 32) + 4294967295),"
      " newest_ordinal = (SELECT max(c.checkpoint_key) & 4294967295 FROM checkpoint AS c"
      "  WHERE c.checkpoint_key BETWEEN (trace.trace_key << 32) + 1"
      "   AND (trace.trace_key << 32) + 4294967295)"
      " WHERE checkpoint_count <> (SELECT count(*) FROM checkpoint AS c"
      "  WHERE c.checkpoint_key BETWEEN (trace.trace_key << 32) + 1"
      "   AND (trace.trace_key << 32) + 4294967295)");
}

struct Stream {
  std::int64_t key = 0;
  std::string name = {};
  std::uint64_t id_digest = 0;
};

std::vector<Stream> list_streams(Connection& db) {
  std::vector<Stream> streams;
  Statement select(db, "SELECT stream_key, name, id_digest FROM stream ORDER BY stream_key");
  auto row = select.run();
  while (row.step())
    streams.push_back({row.integer(0), row.string(1), row.bits(2)});
  return streams;
}

// As the stream keeps it of its manifests, to notice one that vanished.
std::uint64_t sum_ids(const std::vector<std::int64_t>& ids) {
  std::uint64_t sum = 0;
  for (const std::int64_t id : ids)
    sum += std::bit_cast<std::uint64_t>(content::RowDigest().add(id).value());
  return sum;
}

class StreamMender {
 public:
  StreamMender(Salvaging& salvaging, Connection& db, const Stream& stream)
      : salvaging_(salvaging), db_(db), stream_(stream) {}

  void run() {
    const bool whole = sum_ids(list_ids()) == stream_.id_digest;
    const std::uint64_t stateless = remove_stateless();
    const std::uint64_t ownerless = whole && stateless == 0 ? 0 : remove_ownerless();
    if (whole && stateless == 0) return;
    const auto ids = list_ids();
    Statement update(db_,
                     "UPDATE stream SET id_digest = ?2, latest_id = (SELECT max(checkpoint_id)"
                     " FROM manifest WHERE stream_key = ?1) WHERE stream_key = ?1");
    update.execute(stream_.key, sum_ids(ids));
    const std::string what = (whole ? std::string() : "manifests are damaged or missing; ") +
                             std::to_string(stateless) + " went because their state is lost, " +
                             std::to_string(ownerless) + " states because their manifest is lost";
    // How many there were is nowhere written: one more at least.
    const std::uint64_t expected = ids.size() + stateless + (whole ? 0 : 1);
    salvaging_.lose({place(), "manifests", ids.size(), expected, what});
  }

 private:
  std::string place() const { return "stream \"" + stream_.name + "\""; }

  std::vector<std::int64_t> list_ids() {
    std::vector<std::int64_t> ids;
    Statement select(db_, "SELECT checkpoint_id FROM manifest WHERE stream_key = ?1");
    auto row = select.run(stream_.key);
    while (row.step())
      ids.push_back(row.integer(0));
    return ids;
  }

  // A manifest without the state that it was saved with is none.
  std::uint64_t remove_stateless() {
    std::vector<std::int64_t> ids;
    {
      Statement find(db_,
                     "SELECT m.checkpoint_id FROM manifest AS m LEFT JOIN manifest_state AS s"
                     "  ON s.stream_key = m.stream_key AND s.checkpoint_id = m.checkpoint_id"
                     " WHERE m.stream_key = ?1 AND m.state_sha256 IS NOT NULL"
                     "  AND m.state_sha256 IS NOT s.sha256");
      auto row = find.run(stream_.key);
      while (row.step())
        ids.push_back(row.integer(0));
    }
    Statement remove(db_, "DELETE FROM manifest WHERE stream_key = ?1 AND checkpoint_id = ?2");
    for (const std::int64_t id : ids) {
      remove.execute(stream_.key, id);
      salvaging_.find(
          Severity::error,
          place(),
          "manifest " + std::to_string(id) + ": the state that it was saved with is lost");
    }
    salvaging_.drop("manifest", ids.size());
    return ids.size();
  }

  // States ahead of their manifest cannot be told from those whose manifest is lost; the next
  // manifest of that id would take them over.
  std::uint64_t remove_ownerless() {
    Statement remove(db_,
                     "DELETE FROM manifest_state WHERE stream_key = ?1 AND NOT EXISTS"
                     " (SELECT 1 FROM manifest AS m WHERE m.stream_key = manifest_state.stream_key"
                     "   AND m.checkpoint_id = manifest_state.checkpoint_id)");
    const auto removed = static_cast<std::uint64_t>(remove.execute(stream_.key));
    salvaging_.drop("manifest_state", removed);
    return removed;
  }

  Salvaging& salvaging_;
  Connection& db_;
  const Stream& stream_;
};

void remove_streamless(Salvaging& salvaging, Connection& db) {
  {
    Statement find(db,
                   "SELECT stream_key, count(*) FROM manifest"
                   " WHERE stream_key NOT IN (SELECT stream_key FROM stream) GROUP BY stream_key");
    auto row = find.run();
    while (row.step()) {
      salvaging.find(Severity::error,
                     "stream " + std::to_string(row.integer(0)),
                     "its record is lost, and with it " + std::to_string(row.integer(1)) +
                         " manifests that are readable");
    }
  }
  Statement manifests(
      db, "DELETE FROM manifest WHERE stream_key NOT IN (SELECT stream_key FROM stream)");
  salvaging.drop("manifest", static_cast<std::uint64_t>(manifests.execute()));
  Statement states(
      db, "DELETE FROM manifest_state WHERE stream_key NOT IN (SELECT stream_key FROM stream)");
  salvaging.drop("manifest_state", static_cast<std::uint64_t>(states.execute()));
}

}  // namespace

void mend_checkpoints(Salvaging& salvaging) {
  salvaging.write([&](Connection& db) {
    Statement orphans(
        db,
        "DELETE FROM checkpoint WHERE checkpoint_key >> 32 NOT IN (SELECT trace_key FROM trace)");
    salvaging.drop("checkpoint", static_cast<std::uint64_t>(orphans.execute()));
    remove_pruned(salvaging, db);
    tell_of_checkpoints(salvaging, db);
    link_checkpoints(db);
  });
}

void mend_manifests(Salvaging& salvaging) {
  salvaging.write([&](Connection& db) {
    remove_streamless(salvaging, db);
    for (const Stream& stream : list_streams(db))
      StreamMender(salvaging, db, stream).run();
  });
}

}  // namespace holdfast::maintain
