#include "content/upload_table.hpp"

#include "content/payload.hpp"
#include "content/row_digest.hpp"
#include "engine/lease.hpp"
#include "engine/statement.hpp"
#include "holdfast/error.hpp"

#include <set>
#include <utility>

namespace holdfast::content {
namespace {

#define HOLDFAST_STAGE_COLUMNS                                                           \
  "SELECT stage_key, upload_key, raw_bytes, content_key, boot_id, expires_at_ms, digest" \
  " FROM content_upload "

struct StageStatements {
  explicit StageStatements(engine::Connection& db)
      : all(db, HOLDFAST_STAGE_COLUMNS "ORDER BY stage_key"),
        of_upload(db, HOLDFAST_STAGE_COLUMNS "WHERE upload_key = ?1 ORDER BY stage_key"),
        last_key(db,
                 "SELECT max("
                 "ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'content_upload'), 0),"
                 " ifnull((SELECT max(stage_key) FROM content_upload), 0))"),
        insert(db,
               "INSERT INTO content_upload (stage_key, upload_key, raw_bytes, content_key, boot_id,"
               " expires_at_ms, digest) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"),
        renew(db,
              "UPDATE content_upload SET boot_id = ?2, expires_at_ms = ?3, digest = ?4"
              " WHERE stage_key = ?1"),
        remove(db, "DELETE FROM content_upload WHERE stage_key = ?1") {}
  engine::Statement all, of_upload, last_key, insert, renew, remove;
};

#undef HOLDFAST_STAGE_COLUMNS

std::int64_t digest_of(const Stage& stage) {
  return RowDigest()
      .add(stage.key)
      .add(stage.upload_key)
      .add(stage.boot_id)
      .add(stage.expires_at_ms)
      .add_payload(Payload::of_content(stage.content_key, stage.raw_bytes))
      .value();
}

// nullopt: it is damaged.
std::optional<Stage> read_stage(const engine::Query& row) {
  Stage stage{.key = row.integer(0),
              .upload_key = row.integer(1),
              .raw_bytes = row.integer(2),
              .content_key = row.integer(3),
              .boot_id = row.string(4),
              .expires_at_ms = row.integer(5)};
  if (digest_of(stage) != row.integer(6)) return std::nullopt;
  return stage;
}

void set_expiry(Stage& stage, std::int64_t lease_ms) {
  stage.boot_id = engine::boot_id();
  stage.expires_at_ms = engine::boot_time_ms() + lease_ms;
}

bool has_expired(const Stage& stage) {
  return stage.boot_id != engine::boot_id() || stage.expires_at_ms <= engine::boot_time_ms();
}

}  // namespace

std::vector<Stage> find_stages(engine::Connection& db, std::int64_t upload_key) {
  std::vector<Stage> stages;
  auto row = db.statements<StageStatements>().of_upload.run(upload_key);
  while (row.step()) {
    auto stage = read_stage(row);
    if (!stage) throw Error(ErrorCode::corrupt, "the row of an upload fails its digest");
    stages.push_back(*std::move(stage));
  }
  return stages;
}

std::optional<Stage> find_expired_stage(engine::Connection& db) {
  std::vector<Stage> expired;
  std::set<std::int64_t> alive;
  auto row = db.statements<StageStatements>().all.run();
  while (row.step()) {
    // Of a damaged one nothing is known: it stays, and `verify` finds it.
    auto stage = read_stage(row);
    if (!stage) continue;
    if (has_expired(*stage)) {
      expired.push_back(*std::move(stage));
    } else {
      alive.insert(stage->upload_key);
    }
  }
  for (Stage& stage : expired) {
    if (!alive.contains(stage.upload_key)) return std::move(stage);
  }
  return std::nullopt;
}

std::int64_t insert_stage(engine::Connection& db, Stage stage, std::int64_t lease_ms) {
  auto& statements = db.statements<StageStatements>();
  {
    auto row = statements.last_key.run();
    row.step();
    stage.key = row.integer(0) + 1;
  }
  if (stage.upload_key == 0) stage.upload_key = stage.key;
  set_expiry(stage, lease_ms);
  statements.insert.execute(stage.key,
                            stage.upload_key,
                            stage.raw_bytes,
                            stage.content_key,
                            stage.boot_id,
                            stage.expires_at_ms,
                            digest_of(stage));
  return stage.key;
}

void renew_stage(engine::Connection& db, Stage stage, std::int64_t lease_ms) {
  set_expiry(stage, lease_ms);
  db.statements<StageStatements>().renew.execute(
      stage.key, stage.boot_id, stage.expires_at_ms, digest_of(stage));
}

void delete_stage(engine::Connection& db, std::int64_t key) {
  db.statements<StageStatements>().remove.execute(key);
}

}  // namespace holdfast::content
