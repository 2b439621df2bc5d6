// The row of a stream: its key, and what must be there, so that a manifest that vanished is told from
// one that never was.
//
// A flipped bit in an index hides a row in silence. So the stream keeps on its own the highest id that
// it has, and a sum over all of them.
//
// Errors   corrupt: the stream's row fails its digest, or its index lost it
// Threads  those of the connection
// Source   schema/0007_manifest.sql
#pragma once

#include "engine/connection.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::manifest {

struct Stream {
  std::int64_t key = 0;
  std::string name = {};
  std::int64_t created_at_us = 0;
  std::optional<std::int64_t> latest_id = std::nullopt;
  std::uint64_t id_digest = 0;
};

// For reads that must not fall back: a damaged row is `corrupt`.
std::optional<Stream> find_stream(engine::Connection& db, std::string_view name);
// For recovery: the key is what the row says, damaged or not.
std::optional<Stream> find_damaged_stream(engine::Connection& db, std::string_view name);
// Makes it if it is missing.
Stream open_stream(engine::Connection& db, std::string_view name, std::int64_t now_us);
// Those that have a manifest, in byte order.
std::vector<std::string> list_streams(engine::Connection& db);

// Once the manifest's row is there, or gone.
void note_saved(engine::Connection& db, Stream& stream, std::int64_t checkpoint_id);
void note_removed(engine::Connection& db,
                  Stream& stream,
                  const std::vector<std::int64_t>& checkpoint_ids);
void remove_stream(engine::Connection& db, const Stream& stream);

// Of all manifests of the stream; of damaged ones, too.
std::vector<std::int64_t> list_ids_descending(engine::Connection& db, const Stream& stream);
// Ascending, above `after`, at most `limit`. Where that reaches the end, `corrupt` if any was lost.
std::vector<std::int64_t> list_ids(engine::Connection& db,
                                   const Stream& stream,
                                   std::optional<std::uint64_t> after,
                                   std::size_t limit);
// `corrupt` unless these, in any order, are all that were saved and not removed.
void require_whole(const Stream& stream, const std::vector<std::int64_t>& checkpoint_ids);
// After a look-up that found no such id: `corrupt` if it may have been lost. Costs nothing for an id above
// the latest one, as new ones are.
void require_not_lost(engine::Connection& db, const Stream& stream, std::int64_t checkpoint_id);

// "manifest 7 of stream "orders"", for messages.
std::string name_manifest(const Stream& stream, std::int64_t checkpoint_id);

}  // namespace holdfast::manifest
