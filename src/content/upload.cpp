#include "content/upload.hpp"

#include "content/content_store.hpp"
#include "content/content_table.hpp"
#include "defect.hpp"
#include "engine/lease.hpp"
#include "holdfast/error.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace holdfast::content {
namespace {

constexpr auto kStageTime = std::chrono::milliseconds(10);
// Said of every stage, however small: it goes alone, and so it is run once.
constexpr std::size_t kAlone = kStageBytes;

constexpr std::size_t kLeastStageBytes = 64ULL << 10;
constexpr std::size_t kMostStageBytes = 64ULL << 20;
constexpr std::int64_t kMostLeaseMs = std::int64_t{366} * 24 * 60 * 60 * 1000;

void refuse_transaction(const engine::Link& link) {
  if (!link.in_transaction()) return;
  throw Error(ErrorCode::unsupported,
              "an upload inside a transaction of this thread: it has transactions of its own");
}

void remove_stage(engine::Connection& db, const Stage& stage) {
  if (!planted("stage_left_behind")) remove_content(db, stage.content_key);
  delete_stage(db, stage.key);
}

}  // namespace

bool is_staged(const engine::Link& link, std::size_t bytes) {
  return bytes > kStageBytes && !link.in_transaction();
}

Upload::Upload(std::shared_ptr<const engine::Link> link,
               FindNear find_near,
               const UploadOptions& options)
    : link_(std::move(link)), find_near_(std::move(find_near)), options_(options) {
  if (options.stage_bytes < kLeastStageBytes || options.stage_bytes > kMostStageBytes) {
    throw Error(ErrorCode::invalid_argument, "stage_bytes is 64 KiB to 64 MiB");
  }
  if (options.lease_ms < 0 || options.lease_ms > kMostLeaseMs) {
    throw Error(ErrorCode::invalid_argument, "lease_ms is 0 to one year");
  }
  refuse_transaction(*link_);
}

Upload::~Upload() {
  try {
    remove_stages();
  } catch (...) {
    return;  // they expire
  }
}

void Upload::write(BytesView piece) {
  require_usable();
  if (closed_) throw Error(ErrorCode::invalid_argument, "the upload was closed before");
  link_->check_payload(size_ + piece.size());
  const std::size_t capacity = options_.stage_bytes + ContentWriter::kLookahead;
  while (!piece.empty()) {
    // Room for a stage at once: a buffer that grows is copied, and for a moment there twice.
    if (buffer_.size() + piece.size() >= kLeastStageBytes) buffer_.reserve(capacity);
    const std::size_t taken = std::min(piece.size(), capacity - buffer_.size());
    buffer_.insert(
        buffer_.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(taken));
    size_ += taken;
    piece = piece.subspan(taken);
    if (buffer_.size() == capacity) stage_buffer(false);
  }
  renew();
}

void Upload::give(BytesView payload) {
  require_usable();
  closed_ = true;
  size_ = payload.size();
  rest_ = payload;
  if (payload.size() <= options_.stage_bytes) return;
  while (writer_.stored() < payload.size())
    stage(payload.subspan(writer_.stored()), true);
}

void Upload::close() {
  require_usable();
  if (std::exchange(closed_, true)) return;
  while (stages_ > 0 ? !buffer_.empty() : buffer_.size() > options_.stage_bytes)
    stage_buffer(true);
  rest_ = buffer_;
}

void Upload::release() noexcept {
  stages_ = 0;
  failed_ = true;
}

void Upload::require_usable() const {
  if (failed_) {
    throw Error(ErrorCode::invalid_argument, "the upload has failed or ended: begin a new one");
  }
  refuse_transaction(*link_);
}

void Upload::stage_buffer(bool is_end) {
  const std::size_t before = writer_.stored();
  stage(buffer_, is_end);
  const auto staged = static_cast<std::ptrdiff_t>(writer_.stored() - before);
  buffer_.erase(buffer_.begin(), buffer_.begin() + staged);
}

void Upload::stage(BytesView bytes, bool is_end) {
  if (stages_ == 0) remove_expired_uploads(*link_);
  failed_ = true;  // until it is committed
  std::int64_t key = 0;
  link_->write(
      [&](engine::Connection& db) {
        const auto deadline = std::chrono::steady_clock::now() + kStageTime;
        if (stages_ == 0) {
          writer_.begin(db, find_near_(db));
        } else {
          require_stages(db);
        }
        const std::size_t before = writer_.stored();
        const std::int64_t content_key =
            writer_.store(db, bytes, {is_end, options_.stage_bytes, deadline});
        key = insert_stage(db,
                           {.upload_key = upload_key_,
                            .raw_bytes = static_cast<std::int64_t>(writer_.stored() - before),
                            .content_key = content_key},
                           options_.lease_ms);
      },
      kAlone);
  if (stages_++ == 0) upload_key_ = key;
  note_renewed();
  failed_ = false;
}

// Who produces slowly keeps what he has staged.
void Upload::renew() {
  if (stages_ == 0 || engine::boot_time_ms() < renew_at_ms_) return;
  link_->write([&](engine::Connection& db) {
    renew_stage(db, require_stages(db).back(), options_.lease_ms);
  });
  note_renewed();
}

void Upload::note_renewed() {
  renew_at_ms_ = engine::boot_time_ms() + options_.lease_ms / 2;
}

std::vector<Stage> Upload::require_stages(engine::Connection& db) const {
  auto stages = find_stages(db, upload_key_);
  if (stages.size() == stages_) return stages;
  throw Error(ErrorCode::fenced,
              "the upload had expired, and what it had staged was removed",
              {.expected = stages_, .actual = stages.size()});
}

Payload Upload::finish(engine::Connection& db, std::optional<std::int64_t> near) const {
  if (stages_ == 0) return Payload::store(db, rest_, Form::unknown, near);
  const auto stages = require_stages(db);
  const std::int64_t content_key = writer_.join(db);
  for (const Stage& stage : stages) {
    delete_content(db, stage.content_key);  // its chunks are used as often as before
    delete_stage(db, stage.key);
  }
  return Payload::of_content(content_key, static_cast<std::int64_t>(size_));
}

void Upload::remove_stages() {
  for (bool are_left = stages_ > 0; are_left;) {
    are_left = link_->write(
        [&](engine::Connection& db) {
          const auto stages = find_stages(db, upload_key_);
          if (!stages.empty()) remove_stage(db, stages.back());
          return stages.size() > 1;
        },
        kAlone);
  }
}

Payload finish_or_store(engine::Connection& db,
                        const Upload* upload,
                        BytesView bytes,
                        std::optional<std::int64_t> near) {
  if (upload != nullptr) return upload->finish(db, near);
  return Payload::store(db, bytes, Form::unknown, near);
}

std::uint64_t remove_expired_uploads(const engine::Link& link) {
  const auto is_left = [&] {
    return link.read([](engine::Connection& db) { return find_expired_stage(db).has_value(); });
  };
  std::uint64_t removed = 0;
  while (is_left()) {
    removed += link.write(
        [](engine::Connection& db) -> std::uint64_t {
          const auto stage = find_expired_stage(db);
          if (!stage) return 0;
          remove_stage(db, *stage);
          return static_cast<std::uint64_t>(stage->raw_bytes);
        },
        kAlone);
  }
  return removed;
}

}  // namespace holdfast::content
