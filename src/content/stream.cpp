#include "holdfast/stream.hpp"

#include "content/download.hpp"
#include "content/upload.hpp"

#include <utility>

namespace holdfast {

PayloadWriter::PayloadWriter(std::unique_ptr<content::Upload> upload, Commit commit)
    : upload_(std::move(upload)), commit_(std::move(commit)) {}

PayloadWriter::PayloadWriter(PayloadWriter&& other) noexcept = default;
PayloadWriter& PayloadWriter::operator=(PayloadWriter&& other) noexcept = default;
PayloadWriter::~PayloadWriter() = default;

void PayloadWriter::write(BytesView piece) {
  upload_->write(piece);
}

std::uint64_t PayloadWriter::size() const {
  return upload_->size();
}

void PayloadWriter::commit() {
  upload_->close();
  commit_(*upload_);
  upload_->release();
}

PayloadReader::PayloadReader(std::unique_ptr<content::Download> download)
    : download_(std::move(download)) {}

PayloadReader::PayloadReader(PayloadReader&& other) noexcept = default;
PayloadReader& PayloadReader::operator=(PayloadReader&& other) noexcept = default;
PayloadReader::~PayloadReader() = default;

std::uint64_t PayloadReader::size() const {
  return download_->size();
}

std::size_t PayloadReader::read(std::span<std::byte> bytes) {
  return download_->read(bytes);
}

}  // namespace holdfast
