// The rows of uploads: what each has staged, and until when nobody else may remove it.
//
// Errors   corrupt: a row of the upload that is asked for fails its digest
// Threads  those of the connection
// Source   schema/0002_content.sql
#pragma once

#include "engine/connection.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace holdfast::content {

struct Stage {
  std::int64_t key = 0;
  std::int64_t upload_key = 0;  // 0, for insert_stage(): this is the first one
  std::int64_t raw_bytes = 0;
  std::int64_t content_key = 0;
  std::string boot_id = {};
  std::int64_t expires_at_ms = 0;
};

// Of one upload, in order.
std::vector<Stage> find_stages(engine::Connection& db, std::int64_t upload_key);
// The first one of an upload that has expired: of which no stage has not.
std::optional<Stage> find_expired_stage(engine::Connection& db);

// Returns its key.
std::int64_t insert_stage(engine::Connection& db, Stage stage, std::int64_t lease_ms);
void renew_stage(engine::Connection& db, Stage stage, std::int64_t lease_ms);
void delete_stage(engine::Connection& db, std::int64_t key);

}  // namespace holdfast::content
