// Storing a content: which chunks are there already, where to cut the rest, and what it differs from.

#include "content/chunker.hpp"
#include "content/content_store.hpp"
#include "content/content_table.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>

namespace holdfast::content {
namespace {

// How many chunks next to each other may have changed before their old cuts are given up.
constexpr std::size_t kMaxChangedInPlace = 4;
// What is lost with a keyframe, and how long it can outlive its own users.
constexpr std::int64_t kMaxDependants = 64;
// Below, cutting coarsely is not worth knowing.
constexpr std::size_t kMinCoarseBytes = 512ULL << 10;
constexpr std::size_t kSampleBytes = 4ULL << 10;
// So many chunks in a row that were new and did not compress: the rest is probably like them.
constexpr int kManyStrange = 8;

// Compressed or not: what saves less than an eighth is not worth the time to read it.
std::size_t worthwhile(std::size_t raw_bytes) {
  return raw_bytes - raw_bytes / 8;
}

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

struct HashDigest {
  std::size_t operator()(const KeyedDigest& digest) const {
    std::size_t hash = 0;
    std::memcpy(&hash, digest.data(), sizeof(hash));
    return hash;
  }
};

constexpr std::size_t kNowhere = ~std::size_t{0};

class ContentWriter {
 public:
  ContentWriter(engine::Connection& db, BytesView bytes, std::optional<std::int64_t> near)
      : db_(db), digester_(digester_for_writing(db)), reader_(db, digester_), bytes_(bytes) {
    content_.key = take_content_key(db);
    content_.raw_bytes = static_cast<std::int64_t>(bytes.size());
    if (near) read_near(*near);
    if (near_.empty() && is_unique()) strange_ = kManyStrange;
  }

  std::int64_t run() {
    while (at_ < bytes_.size()) {
      const std::size_t index = near_index();
      if (index == kNowhere || !place_near(index)) place_cut();
    }
    insert_content(db_, digester_, content_);
    for (const auto& [key, chunk] : uses_) {
      if (first_new_key_ != 0 && key >= first_new_key_) {
        insert_chunk(db_, chunk);
      } else {
        write_counts(db_, chunk);
      }
    }
    return content_.key;
  }

 private:
  void read_near(std::int64_t key) {
    ContentRow near;
    if (find_content(db_, key, near) != nullptr) return;
    near_ = std::move(near.chunks);
    near_offsets_.reserve(near_.size());
    std::size_t offset = 0;
    for (std::size_t index = 0; index < near_.size(); ++index) {
      near_offsets_.push_back(offset);
      offset += length_of(index);
      known_.emplace(near_[index].keyed_digest, Known{near_[index], index});
    }
    near_bytes_ = offset;
  }

  // Nothing of it compresses, as far as two samples tell.
  bool is_unique() {
    if (bytes_.size() < kMinCoarseBytes) return false;
    return !compresses(bytes_.first(bytes_.size() / 2)) &&
           !compresses(bytes_.last(bytes_.size() / 2));
  }

  // As far as a sample from its middle tells.
  bool compresses(BytesView bytes) {
    const std::size_t size = std::min(kSampleBytes, bytes.size());
    const BytesView sample = bytes.subspan((bytes.size() - size) / 2, size);
    return !encoder().compress(sample, worthwhile(size)).empty();
  }

  std::size_t length_of(std::size_t index) const {
    return static_cast<std::size_t>(near_[index].raw_bytes);
  }

  // The chunk that began where we stand, if nothing but what we have walked over had changed.
  std::size_t near_index() {
    while (near_at_ < near_.size() && near_offsets_[near_at_] < old_at_)
      ++near_at_;
    return near_at_ < near_.size() && near_offsets_[near_at_] == old_at_ ? near_at_ : kNowhere;
  }

  // Does this chunk stand at `at`, unchanged? The last one was cut where its content ended: only there
  // may it end again.
  bool stands(std::size_t index, std::size_t at) {
    const std::size_t end = at + length_of(index);
    if (end > bytes_.size() || (index + 1 == near_.size() && end < bytes_.size())) return false;
    return digest_of(at, length_of(index)) == near_[index].keyed_digest;
  }

  // Places chunks that stand where they stood, or that changed between others that do. False: they
  // have moved.
  bool place_near(std::size_t index) {
    if (stands(index, at_)) {
      place(near_[index], index);
      strange_ = 0;
      return true;
    }
    std::size_t end = at_;
    for (std::size_t last = index; last < near_.size() && last < index + kMaxChangedInPlace;) {
      end += length_of(last++);
      if (end > bytes_.size()) return false;
      const bool meets = last == near_.size() ? end == bytes_.size() : stands(last, end);
      if (!meets) continue;
      for (; index < last; ++index) {
        place_new(length_of(index), index);
        // Wherever else a chunk like it may stand.
        stand_behind(index);
      }
      return true;
    }
    return false;
  }

  void place_cut() {
    // The chunk that our place fell into: what we write now may be a changed form of it.
    const std::size_t beside = old_at_ < near_bytes_ ? index_at(old_at_) : kNowhere;
    // Cut as it was, we may meet the one behind it again. What grows at its end, grows in small steps.
    const bool was_coarse =
        beside != kNowhere && beside + 1 < near_.size() && length_of(beside) > kFineCuts.max;
    const bool coarse = was_coarse || strange_ >= kManyStrange;
    place_new(find_cut(bytes_.subspan(at_), coarse ? kCoarseCuts : kFineCuts), beside);
  }

  std::size_t index_at(std::size_t old_offset) const {
    const auto after = std::ranges::upper_bound(near_offsets_, old_offset);
    return static_cast<std::size_t>(after - near_offsets_.begin()) - 1;
  }

  // Digests are asked for twice where a chunk has changed: once to know that, once to store it.
  const KeyedDigest& digest_of(std::size_t at, std::size_t length) {
    for (const Memo& memo : memos_) {
      if (memo.at == at && memo.length == length) return memo.digest;
    }
    next_memo_ = (next_memo_ + 1) % memos_.size();
    memos_[next_memo_] = {at, length, digester_.digest(bytes_.subspan(at, length))};
    return memos_[next_memo_].digest;
  }

  void place_new(std::size_t length, std::size_t beside) {
    const KeyedDigest digest = digest_of(at_, length);
    const auto known = known_.find(digest);
    if (known != known_.end()) {
      const Known found = known->second;
      if (found.index != kNowhere) strange_ = 0;
      return place(found.chunk, found.index);
    }
    const BytesView bytes = bytes_.subspan(at_, length);
    auto chunk = find_stored(bytes, digest);
    if (!chunk) chunk = store_new(bytes, digest, beside);
    known_.emplace(digest, Known{*chunk, kNowhere});
    // A chunk that is there already counts as what it is: equal contents must be cut alike.
    strange_ = chunk->codec == Codec::raw ? strange_ + 1 : 0;
    place(*chunk, kNowhere);
  }

  // What somebody else has stored is compared byte by byte: nothing is built on what has rotted.
  std::optional<ChunkRow> find_stored(BytesView bytes, const KeyedDigest& digest) {
    for (const ChunkRow& chunk : find_equal(db_, digest)) {
      Bytes stored;
      if (reader_.append(chunk, stored) && std::ranges::equal(stored, bytes)) return chunk;
    }
    return std::nullopt;
  }

  ChunkRow store_new(BytesView bytes, const KeyedDigest& digest, std::size_t beside) {
    ChunkRow chunk{.raw_bytes = static_cast<std::int64_t>(bytes.size()), .keyed_digest = digest};
    BytesView stored;
    if (beside != kNowhere && deltas_.tries()) {
      stored = subtract(bytes, near_[beside], chunk);
      deltas_.note(!stored.empty());
    }
    if (stored.empty()) stored = compress(bytes, chunk);
    chunk.stored_bytes = static_cast<std::int64_t>(stored.size());
    content_.stored_bytes += chunk.stored_bytes;
    if (first_new_key_ == 0) first_new_key_ = next_key_ = next_chunk_key(db_);
    chunk.key = next_key_++;
    // Its row follows when it is known how often it is used.
    insert_chunk_data(db_, chunk.key, stored);
    return chunk;
  }

  BytesView compress(BytesView bytes, ChunkRow& chunk) {
    // After one that did not, only a sample is tried.
    if (last_compressed_ || compresses(bytes)) {
      const BytesView stored = encoder().compress(bytes, worthwhile(bytes.size()));
      last_compressed_ = !stored.empty();
      if (last_compressed_) {
        chunk.codec = Codec::zstd;
        return stored;
      }
    }
    chunk.codec = Codec::raw;
    return bytes;
  }

  // The difference from the keyframe that `old` is or has. Empty: it is not clearly smaller than the
  // chunk itself would be.
  BytesView subtract(BytesView bytes, const ChunkRow& old, ChunkRow& chunk) {
    ChunkRow* const keyframe = use(old.keyframe_key.value_or(old.key));
    if (keyframe == nullptr || keyframe->keyframe_key || keyframe->dependants >= kMaxDependants) {
      return {};
    }
    // What the chunk would take is guessed from what its keyframe takes.
    const std::size_t whole = bytes.size() * static_cast<std::size_t>(keyframe->stored_bytes) /
                              static_cast<std::size_t>(keyframe->raw_bytes);
    // A large difference would come again with every change: it is paid for once.
    if (old.codec == Codec::delta && static_cast<std::size_t>(old.stored_bytes) > whole / 6) {
      return {};
    }
    keyframe_.clear();
    if (!reader_.append(*keyframe, keyframe_)) return {};
    const BytesView stored = encoder().subtract(bytes, keyframe_, whole / 3 * 2);
    if (stored.empty()) return {};
    ++keyframe->dependants;
    chunk.codec = Codec::delta;
    chunk.keyframe_key = keyframe->key;
    return stored;
  }

  // The row of a chunk whose counts change; nullptr: it is missing or damaged.
  ChunkRow* use(std::int64_t key) {
    const auto found = uses_.find(key);
    if (found != uses_.end()) return &found->second;
    const auto chunk = find_chunk(db_, key);
    return chunk ? &uses_.emplace(key, *chunk).first->second : nullptr;
  }

  // `index`: where it is in the near content.
  void place(const ChunkRow& chunk, std::size_t index) {
    ++uses_.emplace(chunk.key, chunk).first->second.users;
    content_.chunks.push_back(chunk);
    const auto length = static_cast<std::size_t>(chunk.raw_bytes);
    at_ += length;
    if (index == kNowhere) {
      old_at_ += length;
    } else {
      stand_behind(index);
    }
  }

  void stand_behind(std::size_t index) {
    old_at_ = near_offsets_[index] + length_of(index);
    near_at_ = index;  // back, too: what stands twice is found at its first place
  }

  ChunkEncoder& encoder() { return content::encoder(db_); }

  struct Known {
    ChunkRow chunk;
    std::size_t index;
  };
  struct Memo {
    std::size_t at = kNowhere;
    std::size_t length = 0;
    KeyedDigest digest = {};
  };

  engine::Connection& db_;
  Digester& digester_;
  ChunkReader reader_;
  BytesView bytes_;
  ContentRow content_;
  Bytes keyframe_;

  std::vector<ChunkRow> near_;
  std::vector<std::size_t> near_offsets_;
  std::size_t near_bytes_ = 0;
  // Chunks by their digests: of the near content, and of this one so far.
  std::unordered_map<KeyedDigest, Known, HashDigest> known_;
  std::map<std::int64_t, ChunkRow> uses_;  // with their new counts, in the order of writing them

  std::size_t at_ = 0;
  std::size_t old_at_ = 0;   // where that was in the near content
  std::size_t near_at_ = 0;  // the first chunk of it that does not begin before that
  std::array<Memo, kMaxChangedInPlace + 1> memos_ = {};
  std::size_t next_memo_ = 0;
  std::int64_t first_new_key_ = 0;
  std::int64_t next_key_ = 0;
  bool last_compressed_ = true;
  Patience deltas_;
  int strange_ = 0;
};

}  // namespace

std::int64_t store_content(engine::Connection& db,
                           BytesView bytes,
                           std::optional<std::int64_t> near) {
  return ContentWriter(db, bytes, near).run();
}

}  // namespace holdfast::content
