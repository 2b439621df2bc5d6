// Payloads piece by piece: what is too large to be in memory whole goes in and comes out as a stream.
//
//   auto writer = db.checkpoints().begin_save("trace-7", {.id = "step-1"});
//   while (const auto size = std::fread(buffer.data(), 1, buffer.size(), file))
//     writer.write({buffer.data(), size});
//   writer.commit();
//
//   if (auto reader = db.checkpoints().open("step-1"))
//     while (const auto size = reader->read(buffer)) std::fwrite(buffer.data(), 1, size, other);
//
// Shape    a writer stages what it gets in transactions of 4 MiB or 10 ms; others write between them. Nobody
//          sees any of it before commit(). What was staged is kept by a lease: of a writer that is gone (killed, or
//          destroyed where it could not write) the next upload or shrink() removes it, once that has run out.
//          A reader holds no transaction and no lock between calls; it reads one payload, that of its opening.
// Units    bytes; milliseconds of the machine's boot-time clock. In memory at once: a stage and 1.5 MiB (writer),
//          1 MiB (reader), and some 200 bytes per chunk of the payload and of the one before it (a chunk has 16 KiB,
//          or 128 KiB where nothing compresses)
// Errors   write, commit: those of every write, and
//            unsupported       inside a transaction of this thread
//            invalid_argument  after commit() or an error of write(); options out of range
//            too_large         beyond OpenOptions::max_payload_bytes: the piece was not taken
//            fenced            nothing was written for so long that the lease has run out, and somebody has
//                              removed what was staged
//          read: corrupt, before anything that is damaged is given out; not_found: the payload was removed or
//          replaced since
// Threads  one at a time per object. It keeps the database open
// Source   src/content/upload.hpp, src/content/download.hpp
#pragma once

#include "holdfast/bytes.hpp"
#include "holdfast/export.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

namespace holdfast {

namespace content {
class Download;
class Upload;
}  // namespace content

class CheckpointStore;

struct UploadOptions {
  // How much one transaction stages, at most: 64 KiB to 64 MiB.
  std::size_t stage_bytes = 4ULL << 20;
  // How long the writer may be silent: up to a year; 0: others may remove what it has staged at once.
  std::int64_t lease_ms = 10LL * 60 * 1000;
};

class HOLDFAST_API PayloadWriter {
 public:
  PayloadWriter(PayloadWriter&& other) noexcept;
  PayloadWriter& operator=(PayloadWriter&& other) noexcept;
  PayloadWriter(const PayloadWriter&) = delete;
  PayloadWriter& operator=(const PayloadWriter&) = delete;
  // Without commit() it is as if nothing had been written.
  ~PayloadWriter();

  void write(BytesView piece);
  std::uint64_t size() const;  // written so far
  // All of it is there now, durably, as after a save. After `conflict`, or where the linking transaction alone was
  // refused (busy, full), it may be called again; after other errors it is `invalid_argument`.
  void commit();

 private:
  friend class CheckpointStore;
  // Links what was written to its row.
  using Commit = std::function<void(content::Upload&)>;
  PayloadWriter(std::unique_ptr<content::Upload> upload, Commit commit);

  std::unique_ptr<content::Upload> upload_;
  Commit commit_;
};

class HOLDFAST_API PayloadReader {
 public:
  PayloadReader(PayloadReader&& other) noexcept;
  PayloadReader& operator=(PayloadReader&& other) noexcept;
  PayloadReader(const PayloadReader&) = delete;
  PayloadReader& operator=(const PayloadReader&) = delete;
  ~PayloadReader();

  std::uint64_t size() const;  // of the whole payload
  // Fills `bytes` from where the last call has stopped. Fewer only before the end, or before what the next call
  // throws; 0: that was all.
  std::size_t read(std::span<std::byte> bytes);

 private:
  friend class CheckpointStore;
  explicit PayloadReader(std::unique_ptr<content::Download> download);
  std::unique_ptr<content::Download> download_;
};

}  // namespace holdfast
