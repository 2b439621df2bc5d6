// Storing a content, in one transaction or in several: which chunks are there already, where to cut the rest,
// and what it differs from.
//
//   ContentWriter writer;
//   writer.begin(db, near);                                 // once, in the first transaction
//   key = writer.store(db, bytes, {});                      // the next bytes, as a content of their own
//   whole = writer.join(db);                                // all of them as one; those contents are the caller's
//
// Where it cuts depends on nothing but the bytes, kLookahead of them at a time, and the near content: however
// the bytes come, they become the same chunks.
//
// Errors   those of the engine; too_large: no more keys. After one, the object is of no use any more
// Threads  those of the connection
// Source   schema/0002_content.sql
#pragma once

#include "content/chunker.hpp"
#include "content/content_store.hpp"
#include "content/keyed_digest.hpp"
#include "engine/connection.hpp"
#include "holdfast/bytes.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

namespace holdfast::content {

// Whether to try what may be in vain: each failure in a row puts the next try off for longer.
class Patience {
 public:
  bool tries() {
    if (waiting_ == 0) return true;
    --waiting_;
    return false;
  }
  void note(bool success) {
    failures_ = success ? 0 : std::min(2 * failures_ + 1, kMaxWaiting);
    waiting_ = failures_;
  }

 private:
  static constexpr int kMaxWaiting = 16;
  int failures_ = 0;
  int waiting_ = 0;
};

// How far ContentWriter::store() goes.
struct StoreLimits {
  bool is_end = true;  // nothing comes behind the bytes
  std::size_t bytes = std::numeric_limits<std::size_t>::max();
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
};

class ContentWriter {
 public:
  // How much it looks at from its place on, at most.
  static constexpr std::size_t kLookahead = 6 * kCoarseCuts.max;

  // `near`: as store_content() has it.
  void begin(engine::Connection& db, std::optional<std::int64_t> near);
  // Stores the bytes that follow the first stored(): all, or up to a limit, or (if others come behind) until
  // no more than kLookahead are left. REQUIRES: there are more than that, or these are the end.
  std::int64_t store(engine::Connection& db, BytesView bytes, const StoreLimits& limits);
  // What was stored so far, once more, as one content. The uses of its chunks are those of the contents that store()
  // has made: they must go without being removed.
  std::int64_t join(engine::Connection& db) const;

  std::size_t stored() const { return at_; }

 private:
  // A chunk that was met before, by its place in the near content or in this one.
  struct Known {
    std::size_t index;
    bool near;
  };
  struct HashDigest {
    std::size_t operator()(const KeyedDigest& digest) const {
      std::size_t hash = 0;
      std::memcpy(&hash, digest.data(), sizeof(hash));
      return hash;
    }
  };
  static constexpr std::size_t kNowhere = ~std::size_t{0};
  // How many chunks next to each other may have changed before their old cuts are given up.
  static constexpr std::size_t kMaxChangedInPlace = 4;
  struct Memo {
    std::size_t at = kNowhere;
    std::size_t length = 0;
    KeyedDigest digest = {};
  };

  void read_near(std::int64_t key);
  void write_rows();
  bool is_unique();
  bool compresses(BytesView bytes);
  BytesView bytes_at(std::size_t at, std::size_t length) const {
    return window_.subspan(at - window_at_, length);
  }
  std::size_t window_end() const { return window_at_ + window_.size(); }
  // Where it looks no further.
  std::size_t seen_end() const { return std::min(window_end(), at_ + kLookahead); }
  bool is_end(std::size_t at) const { return is_end_ && at == window_end(); }
  bool may_go_on(const StoreLimits& limits) const;
  std::size_t length_of(std::size_t index) const {
    return static_cast<std::size_t>(near_[index].raw_bytes);
  }
  std::size_t near_index();
  bool stands(std::size_t index, std::size_t at);
  bool place_near(std::size_t index);
  void place_cut();
  std::size_t index_at(std::size_t old_offset) const;
  const KeyedDigest& digest_of(std::size_t at, std::size_t length);
  void place_new(std::size_t length, std::size_t beside);
  bool place_known(const KeyedDigest& digest);
  std::optional<ChunkRow> find_stored(BytesView bytes, const KeyedDigest& digest);
  ChunkRow store_new(BytesView bytes, const KeyedDigest& digest, std::size_t beside);
  BytesView compress(BytesView bytes, ChunkRow& chunk);
  BytesView subtract(BytesView bytes, const ChunkRow& old, ChunkRow& chunk);
  ChunkRow* use(const ChunkRow& known);
  ChunkRow* use(std::int64_t key);
  void place(ChunkRow& used, std::size_t index);
  void stand_behind(std::size_t index);
  ChunkEncoder& encoder() { return content::encoder(*db_); }

  // --- In one transaction ---
  engine::Connection* db_ = nullptr;
  Digester* digester_ = nullptr;
  std::optional<ChunkReader> reader_;
  BytesView window_;
  std::size_t window_at_ = 0;  // where it begins in the payload
  bool is_end_ = true;         // the payload's end is that of the window
  std::int64_t stored_bytes_ = 0;
  std::map<std::int64_t, ChunkRow> uses_;  // with their new counts, in the order of writing them
  std::int64_t first_new_key_ = 0;
  std::int64_t next_key_ = 0;
  // What is remembered of rows was read in this transaction.
  bool is_first_ = false;

  // --- From one to the next ---
  std::vector<ChunkRow> chunks_;  // so far
  std::int64_t all_stored_bytes_ = 0;
  std::vector<ChunkRow> near_;
  std::vector<std::size_t> near_offsets_;
  std::size_t near_bytes_ = 0;
  // By their digests: chunks of the near content, and of this one so far.
  std::unordered_map<KeyedDigest, Known, HashDigest> known_;
  std::size_t at_ = 0;
  std::size_t old_at_ = 0;   // where that was in the near content
  std::size_t near_at_ = 0;  // the first chunk of it that does not begin before that
  std::array<Memo, kMaxChangedInPlace + 1> memos_ = {};
  std::size_t next_memo_ = 0;
  Bytes keyframe_;
  bool last_compressed_ = true;
  Patience deltas_;
  int strange_ = 0;  // so many chunks in a row were new and did not compress
};

}  // namespace holdfast::content
