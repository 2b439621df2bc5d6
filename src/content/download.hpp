// A payload on its way out, piece by piece, with nothing held between the pieces.
//
// Errors   corrupt (detail.id: whose it is); not_found: it was removed or replaced since it was opened
// Threads  one at a time
#pragma once

#include "content/content_store.hpp"
#include "engine/connection.hpp"
#include "engine/link.hpp"
#include "engine/statement.hpp"
#include "holdfast/bytes.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace holdfast::content {

// Whose payload it is, for messages: "checkpoint step-1", and the id alone.
struct PayloadName {
  std::string title;
  std::string id;
};

class Download {
 public:
  // Of a row whose columns raw_bytes, payload, content_key begin at `first_column`, and which passed its digest. The
  // errors of this one are not named yet.
  Download(std::shared_ptr<const engine::Link> link,
           engine::Connection& db,
           const engine::Query& row,
           int first_column,
           PayloadName name);

  std::uint64_t size() const { return size_; }
  std::size_t read(std::span<std::byte> bytes);
  // The next bytes as they come, until the next call; empty: that was all.
  BytesView next();

 private:
  void fill();
  void fill_from(engine::Connection& db);

  const std::shared_ptr<const engine::Link> link_;
  const PayloadName name_;
  std::uint64_t size_;
  ContentRow content_;          // key 0: all of it is in the buffer
  std::size_t next_chunk_ = 0;  // the first that was not read
  Bytes buffer_;
  std::size_t buffer_at_ = 0;
};

}  // namespace holdfast::content
