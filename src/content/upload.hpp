// A large payload on its way in: its chunks are staged in short transactions, and the last one links them, so that
// no writer waits for all of it.
//
//   Upload upload(link, find_near);
//   upload.write(bytes); ...                    // or give(): all of it, which the caller keeps
//   upload.close();
//   link->write([&](Connection& db) { ... upload.finish(db, near) ... });   // the payload, for the row that owns it
//   upload.release();                           // that was committed
//
// What was staged has rows of its own (upload_table.hpp), which expire: who dies leaves nothing that the next
// upload, or shrink(), would not remove. What is smaller than a stage is never staged: finish() stores it.
//
// Errors   unsupported: inside a transaction of this thread; invalid_argument: after a failure; too_large;
//          fenced: the upload had expired, and what it had staged is gone; those of every write
// Threads  one at a time
#pragma once

#include "content/content_writer.hpp"
#include "content/payload.hpp"
#include "content/upload_table.hpp"
#include "engine/link.hpp"
#include "holdfast/bytes.hpp"
#include "holdfast/stream.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

namespace holdfast::content {

// What an upload stages in one transaction, unless it is told otherwise.
inline constexpr std::size_t kStageBytes = UploadOptions().stage_bytes;

// Whether a payload that is there whole goes through an Upload: large ones do, outside a transaction.
bool is_staged(const engine::Link& link, std::size_t bytes);

class Upload {
 public:
  // The content that the payload follows or replaces.
  using FindNear = std::function<std::optional<std::int64_t>(engine::Connection&)>;

  Upload(std::shared_ptr<const engine::Link> link,
         FindNear find_near,
         const UploadOptions& options = {});
  Upload(const Upload&) = delete;
  Upload& operator=(const Upload&) = delete;
  // Removes what was staged and not released.
  ~Upload();

  void write(BytesView piece);
  // The whole payload at once; it must outlive finish().
  void give(BytesView payload);
  std::uint64_t size() const { return size_; }

  // Stages what must be staged before finish().
  void close();
  // How much finish() will write, roughly.
  std::size_t finish_bytes() const { return stages_ == 0 ? rest_.size() : 0; }
  // In the last transaction, which may be run again: the payload. `near`: of one that was not staged.
  Payload finish(engine::Connection& db, std::optional<std::int64_t> near) const;
  void release() noexcept;

 private:
  void require_usable() const;
  void stage(BytesView bytes, bool is_end);
  void stage_buffer(bool is_end);
  void renew();
  void note_renewed();
  std::vector<Stage> require_stages(engine::Connection& db) const;
  void remove_stages();

  const std::shared_ptr<const engine::Link> link_;
  const FindNear find_near_;
  const UploadOptions options_;
  ContentWriter writer_;
  Bytes buffer_;    // what was written, and is not staged
  BytesView rest_;  // what is left for finish(), where nothing was staged
  std::uint64_t size_ = 0;
  std::int64_t upload_key_ = 0;
  std::size_t stages_ = 0;
  std::int64_t renew_at_ms_ = 0;
  bool closed_ = false;  // nothing is written any more
  bool failed_ = false;  // or released
};

// The payload, staged in the upload if there is one, else stored here.
Payload finish_or_store(engine::Connection& db,
                        const Upload* upload,
                        BytesView bytes,
                        std::optional<std::int64_t> near);

// Removes what uploads that have expired had staged, a stage in a transaction. Returns the bytes of payload that
// they had staged.
std::uint64_t remove_expired_uploads(const engine::Link& link);

}  // namespace holdfast::content
