#include "content/content_writer.hpp"

#include "content/content_table.hpp"

namespace holdfast::content {
namespace {

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

}  // namespace

void ContentWriter::begin(engine::Connection& db, std::optional<std::int64_t> near) {
  is_first_ = true;
  if (!near) return;
  db_ = &db;
  digester_ = &digester_for_writing(db);
  read_near(*near);
}

std::int64_t ContentWriter::store(engine::Connection& db,
                                  BytesView bytes,
                                  const StoreLimits& limits) {
  db_ = &db;
  digester_ = &digester_for_writing(db);
  reader_.emplace(db, *digester_);
  window_ = bytes;
  window_at_ = at_;
  is_end_ = limits.is_end;
  stored_bytes_ = 0;
  first_new_key_ = 0;
  uses_.clear();
  if (at_ == 0 && near_.empty() && is_unique()) strange_ = kManyStrange;
  const std::size_t first_chunk = chunks_.size();
  ContentRow content{.key = take_content_key(db)};
  do {
    const std::size_t index = near_index();
    if (index == kNowhere || !place_near(index)) place_cut();
  } while (may_go_on(limits));
  content.raw_bytes = static_cast<std::int64_t>(at_ - window_at_);
  content.stored_bytes = stored_bytes_;
  insert_content(db, *digester_, content, std::span(chunks_).subspan(first_chunk));
  write_rows();
  all_stored_bytes_ += stored_bytes_;
  is_first_ = false;
  return content.key;
}

std::int64_t ContentWriter::join(engine::Connection& db) const {
  const ContentRow content{.key = take_content_key(db),
                           .raw_bytes = static_cast<std::int64_t>(at_),
                           .stored_bytes = all_stored_bytes_};
  insert_content(db, digester_for_writing(db), content, chunks_);
  return content.key;
}

bool ContentWriter::may_go_on(const StoreLimits& limits) const {
  const std::size_t left = window_end() - at_;
  if (left == 0 || (!is_end_ && left <= kLookahead)) return false;
  return at_ - window_at_ < limits.bytes && (limits.deadline == StoreLimits().deadline ||
                                             std::chrono::steady_clock::now() < limits.deadline);
}

void ContentWriter::write_rows() {
  for (const auto& [key, chunk] : uses_) {
    if (first_new_key_ != 0 && key >= first_new_key_) {
      insert_chunk(*db_, chunk);
    } else {
      write_counts(*db_, chunk);
    }
  }
}

void ContentWriter::read_near(std::int64_t key) {
  ContentRow near;
  if (find_content(*db_, key, near) != nullptr) return;
  near_ = std::move(near.chunks);
  near_offsets_.reserve(near_.size());
  std::size_t offset = 0;
  for (std::size_t index = 0; index < near_.size(); ++index) {
    near_offsets_.push_back(offset);
    offset += length_of(index);
    known_.emplace(near_[index].keyed_digest, Known{index, true});
  }
  near_bytes_ = offset;
}

// Nothing of it compresses, as far as two samples of its beginning tell.
bool ContentWriter::is_unique() {
  const BytesView beginning = window_.first(std::min(window_.size(), kLookahead));
  if (beginning.size() < kMinCoarseBytes) return false;
  return !compresses(beginning.first(beginning.size() / 2)) &&
         !compresses(beginning.last(beginning.size() / 2));
}

// As far as a sample from its middle tells.
bool ContentWriter::compresses(BytesView bytes) {
  const std::size_t size = std::min(kSampleBytes, bytes.size());
  const BytesView sample = bytes.subspan((bytes.size() - size) / 2, size);
  return !encoder().compress(sample, worthwhile(size)).empty();
}

// The chunk that began where we stand, if nothing but what we have walked over had changed.
std::size_t ContentWriter::near_index() {
  while (near_at_ < near_.size() && near_offsets_[near_at_] < old_at_)
    ++near_at_;
  return near_at_ < near_.size() && near_offsets_[near_at_] == old_at_ ? near_at_ : kNowhere;
}

// Does this chunk stand at `at`, unchanged? The last one was cut where its content ended: only there
// may it end again.
bool ContentWriter::stands(std::size_t index, std::size_t at) {
  const std::size_t end = at + length_of(index);
  if (end > seen_end() || (index + 1 == near_.size() && !is_end(end))) return false;
  return digest_of(at, length_of(index)) == near_[index].keyed_digest;
}

// Places chunks that stand where they stood, or that changed between others that do. False: they
// have moved.
bool ContentWriter::place_near(std::size_t index) {
  if (stands(index, at_)) {
    strange_ = 0;
    if (ChunkRow* const used = use(near_[index])) {
      place(*used, index);
    } else {
      place_new(length_of(index), index);
    }
    return true;
  }
  std::size_t end = at_;
  for (std::size_t last = index; last < near_.size() && last < index + kMaxChangedInPlace;) {
    end += length_of(last++);
    if (end > seen_end()) return false;
    const bool meets = last == near_.size() ? is_end(end) : stands(last, end);
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

void ContentWriter::place_cut() {
  // The chunk that our place fell into: what we write now may be a changed form of it.
  const std::size_t beside = old_at_ < near_bytes_ ? index_at(old_at_) : kNowhere;
  // Cut as it was, we may meet the one behind it again. What grows at its end, grows in small steps.
  const bool was_coarse =
      beside != kNowhere && beside + 1 < near_.size() && length_of(beside) > kFineCuts.max;
  const bool coarse = was_coarse || strange_ >= kManyStrange;
  const BytesView rest = bytes_at(at_, seen_end() - at_);
  place_new(find_cut(rest, coarse ? kCoarseCuts : kFineCuts), beside);
}

std::size_t ContentWriter::index_at(std::size_t old_offset) const {
  const auto after = std::ranges::upper_bound(near_offsets_, old_offset);
  return static_cast<std::size_t>(after - near_offsets_.begin()) - 1;
}

// Digests are asked for twice where a chunk has changed: once to know that, once to store it.
const KeyedDigest& ContentWriter::digest_of(std::size_t at, std::size_t length) {
  for (const Memo& memo : memos_) {
    if (memo.at == at && memo.length == length) return memo.digest;
  }
  next_memo_ = (next_memo_ + 1) % memos_.size();
  memos_[next_memo_] = {at, length, digester_->digest(bytes_at(at, length))};
  return memos_[next_memo_].digest;
}

void ContentWriter::place_new(std::size_t length, std::size_t beside) {
  const KeyedDigest digest = digest_of(at_, length);
  if (place_known(digest)) return;
  const BytesView bytes = bytes_at(at_, length);
  auto chunk = find_stored(bytes, digest);
  if (!chunk) chunk = store_new(bytes, digest, beside);
  known_.emplace(digest, Known{chunks_.size(), false});
  // A chunk that is there already counts as what it is: equal contents must be cut alike.
  strange_ = chunk->codec == Codec::raw ? strange_ + 1 : 0;
  place(uses_.try_emplace(chunk->key, *chunk).first->second, kNowhere);
}

bool ContentWriter::place_known(const KeyedDigest& digest) {
  const auto known = known_.find(digest);
  if (known == known_.end()) return false;
  const Known found = known->second;
  ChunkRow* const used = use(found.near ? near_[found.index] : chunks_[found.index]);
  if (used == nullptr) {
    // Gone since, with the near content.
    known_.erase(known);
    return false;
  }
  if (found.near) strange_ = 0;
  place(*used, found.near ? found.index : kNowhere);
  return true;
}

// What somebody else has stored is compared byte by byte: nothing is built on what has rotted.
std::optional<ChunkRow> ContentWriter::find_stored(BytesView bytes, const KeyedDigest& digest) {
  for (const ChunkRow& chunk : find_equal(*db_, digest)) {
    Bytes stored;
    if (reader_->append(chunk, stored) && std::ranges::equal(stored, bytes)) return chunk;
  }
  return std::nullopt;
}

ChunkRow ContentWriter::store_new(BytesView bytes, const KeyedDigest& digest, std::size_t beside) {
  ChunkRow chunk{.raw_bytes = static_cast<std::int64_t>(bytes.size()), .keyed_digest = digest};
  BytesView stored;
  if (beside != kNowhere && deltas_.tries()) {
    stored = subtract(bytes, near_[beside], chunk);
    deltas_.note(!stored.empty());
  }
  if (stored.empty()) stored = compress(bytes, chunk);
  chunk.stored_bytes = static_cast<std::int64_t>(stored.size());
  stored_bytes_ += chunk.stored_bytes;
  if (first_new_key_ == 0) first_new_key_ = next_key_ = next_chunk_key(*db_);
  chunk.key = next_key_++;
  // Its row follows when it is known how often it is used.
  insert_chunk_data(*db_, chunk.key, stored);
  return chunk;
}

BytesView ContentWriter::compress(BytesView bytes, ChunkRow& chunk) {
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
BytesView ContentWriter::subtract(BytesView bytes, const ChunkRow& old, ChunkRow& chunk) {
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
  if (!reader_->append(*keyframe, keyframe_)) return {};
  const BytesView stored = encoder().subtract(bytes, keyframe_, whole / 3 * 2);
  if (stored.empty()) return {};
  ++keyframe->dependants;
  chunk.codec = Codec::delta;
  chunk.keyframe_key = keyframe->key;
  return stored;
}

// The row of a chunk whose counts change, as this transaction has it; nullptr: it is missing or damaged.
ChunkRow* ContentWriter::use(const ChunkRow& known) {
  return is_first_ ? &uses_.try_emplace(known.key, known).first->second : use(known.key);
}

ChunkRow* ContentWriter::use(std::int64_t key) {
  const auto found = uses_.find(key);
  if (found != uses_.end()) return &found->second;
  const auto chunk = find_chunk(*db_, key);
  return chunk ? &uses_.emplace(key, *chunk).first->second : nullptr;
}

// `index`: where it is in the near content.
void ContentWriter::place(ChunkRow& used, std::size_t index) {
  ++used.users;
  chunks_.push_back(used);
  const auto length = static_cast<std::size_t>(used.raw_bytes);
  at_ += length;
  if (index == kNowhere) {
    old_at_ += length;
  } else {
    stand_behind(index);
  }
}

void ContentWriter::stand_behind(std::size_t index) {
  old_at_ = near_offsets_[index] + length_of(index);
  near_at_ = index;  // back, too: what stands twice is found at its first place
}

std::int64_t store_content(engine::Connection& db,
                           BytesView bytes,
                           std::optional<std::int64_t> near) {
  ContentWriter writer;
  writer.begin(db, near);
  return writer.store(db, bytes, {});
}

}  // namespace holdfast::content
