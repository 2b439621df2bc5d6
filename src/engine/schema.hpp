// The schema of a file: made, migrated, and compared with what it must be.
//
// All pending migrations of an open run in one transaction, at full durability, with the views and the
// new user_version: after a crash the file is of the old version or of the new one, nothing between.
//
// Errors   not_a_database, schema_too_new, incompatible (objects that are not as ours, triggers, foreign
//          indexes on our tables), read_only (a migration is due on a read-only open), busy, io, full
// Threads  one connection, before it is shared
// Source   schema/
#pragma once

#include "engine/connection.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace holdfast::engine {

// "HOLD"
inline constexpr std::int64_t kApplicationId = 0x484f4c44;

// The version that this library writes.
int current_schema_version();

enum class FileKind : std::uint8_t {
  empty,    // 0 bytes, or a creation that was killed: no application id, and no objects
  current,  // ours, of this version
  older,    // ours, to be migrated
};

// What the file is; throws for what cannot be opened at all. Reads only.
FileKind recognise(Connection& connection);

struct NewStore {
  std::string store_id = {};
  std::string incarnation = {};
  std::int64_t now_us = 0;
};

// Page size, vacuum mode and room for the seals of pages; before anything is written to a new file.
void prepare_new_file(Connection& connection, std::uint32_t page_bytes);
// That the pages of a file that is there have that room, and that its header lets us write what we opened
// for writing: corrupt if not.
void check_page_layout(Connection& connection, bool writable);
// A copy that was exported, or a file that a person changed, may not be in WAL mode. busy at once if
// somebody else has it open.
void use_wal(Connection& connection);
// Brings the file to the current version; does nothing if another process was faster.
void migrate(Connection& connection, const NewStore& store);
// Compares our objects with what they must be.
void check_fingerprint(Connection& connection);
// Whether nobody but our migrations has added or dropped anything. Else SQLite may have moved pages of
// ours, and their seals say nothing.
bool schema_is_ours_alone(Connection& connection);
// Says so, or not, from now on. SQLite gives a copy of the file a schema cookie of its own.
void record_schema_cookie(Connection& connection, bool ours_alone);
// That our tables and indexes begin where they did when that was said: corrupt if not. Each page may be
// sound, and a flipped number in the schema lead to the wrong one.
void check_roots(Connection& connection);
// The root pages of our tables and indexes, in no order.
std::vector<std::uint32_t> our_roots(Connection& connection);

// Tables and views that somebody added: "table notes", "view recent".
std::vector<std::string> foreign_objects(Connection& connection);

}  // namespace holdfast::engine
