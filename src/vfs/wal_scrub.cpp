#include "vfs/wal_scrub.hpp"

#include "vfs/big_endian.hpp"

#include <algorithm>
#include <optional>
#include <vector>

namespace holdfast::vfs {

namespace {

constexpr std::size_t kHeaderBytes = 32;
constexpr std::size_t kFrameHeaderBytes = 24;
constexpr std::uint32_t kVersion = 3007000;
// Fields of the header; all words are big endian.
constexpr std::size_t kVersionAt = 4;
constexpr std::size_t kPageBytesAt = 8;
constexpr std::size_t kSequenceAt = 12;
constexpr std::size_t kSaltAt = 16;
constexpr std::size_t kSecondSaltAt = 20;
constexpr std::size_t kChecksumAt = 24;
// Of a disk whose sectors are larger the argument holds all the more.
constexpr std::int64_t kSectorBytes = 512;

using Header = std::array<std::byte, kHeaderBytes>;
using Salts = std::array<std::byte, 8>;

void put_big_endian_32(std::byte* at, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i)
    at[i] = static_cast<std::byte>(value >> (24 - 8 * i));
}

WalChecksum checksum_at(const std::byte* at) {
  return {.first = big_endian_32(at), .second = big_endian_32(at + 4)};
}

void put_checksum(Header& header) {
  WalChecksum sum;
  sum.add(std::span(header).first(kChecksumAt));
  put_big_endian_32(&header[kChecksumAt], sum.first);
  put_big_endian_32(&header[kChecksumAt + 4], sum.second);
}

Salts salts_at(const std::byte* at) {
  Salts salts;
  std::copy_n(at, salts.size(), salts.begin());
  return salts;
}

bool is_page_size(std::uint32_t bytes) {
  return bytes >= 512 && bytes <= 65536 && (bytes & (bytes - 1)) == 0;
}

bool is_whole(const Header& header) {
  Header expected = header;
  put_checksum(expected);
  return expected == header && big_endian_32(header.data()) == kNativeWal &&
         big_endian_32(&header[kVersionAt]) == kVersion &&
         is_page_size(big_endian_32(&header[kPageBytesAt]));
}

struct Frame {
  std::uint32_t page = 0;
  std::uint32_t commit_pages = 0;  // not 0: the last frame of a transaction
  Salts salts{};
  WalChecksum stored;
};

// Frames by number, from 1 on.
class Frames {
 public:
  Frames(const WalBytes& wal, std::uint32_t page_bytes)
      : wal_(wal),
        frame_bytes_(static_cast<std::int64_t>(kFrameHeaderBytes + page_bytes)),
        buffer_(kFrameHeaderBytes + page_bytes) {}

  std::uint64_t count() const {
    const std::int64_t bytes = wal_.size - static_cast<std::int64_t>(kHeaderBytes);
    return bytes < 0 ? 0 : static_cast<std::uint64_t>(bytes / frame_bytes_);
  }
  std::int64_t offset(std::uint64_t number) const {
    return static_cast<std::int64_t>(kHeaderBytes) +
           static_cast<std::int64_t>(number - 1) * frame_bytes_;
  }
  // The header alone, or with its page: then content() is of this frame.
  std::optional<Frame> read(std::uint64_t number, bool with_page) {
    const auto bytes = std::span(buffer_).first(with_page ? buffer_.size() : kFrameHeaderBytes);
    if (!wal_.read(offset(number), bytes)) return std::nullopt;
    return Frame{.page = big_endian_32(bytes.data()),
                 .commit_pages = big_endian_32(&bytes[4]),
                 .salts = salts_at(&bytes[8]),
                 .stored = checksum_at(&bytes[16])};
  }
  WalChecksum run_on(WalChecksum sum) const {
    sum.add(std::span(buffer_).first(8));
    sum.add(std::span(buffer_).subspan(kFrameHeaderBytes));
    return sum;
  }
  WalChecksum run_back(WalChecksum sum) const {
    sum.take_back(std::span(buffer_).subspan(kFrameHeaderBytes));
    sum.take_back(std::span(buffer_).first(8));
    return sum;
  }

 private:
  const WalBytes& wal_;
  const std::int64_t frame_bytes_;
  std::vector<std::byte> buffer_;
};

// Walks along the frames behind a place, and notes how each hangs on the one before.
class Tail {
 public:
  Tail(Frames& frames, const Salts& salts, const WalChecksum& before)
      : frames_(frames), salts_(salts), stored_(before), computed_(before) {}

  // False: nothing more can be read.
  bool examine(std::uint64_t number) {
    auto frame = frames_.read(number, false);
    if (!frame) return false;
    const bool current = frame->salts == salts_;
    bool linked = false;
    // Behind the end of this log, thousands of frames of earlier ones may follow: their headers will do.
    if (current || near_) {
      frame = frames_.read(number, true);
      if (!frame) return false;
      linked =
          frame->stored == frames_.run_on(stored_) || frame->stored == frames_.run_on(computed_);
      computed_ = frames_.run_on(stored_);
    }
    broken_ = broken_ || !current || !linked;
    if (current || linked) ++dropped_;
    damaged_ = damaged_ || (broken_ && after_commit_ && current && linked);
    // A commit that is broken itself says that it is one only where its header cannot be half an older
    // one: within a sector, which is written as a whole.
    const bool one_sector =
        frames_.offset(number) / kSectorBytes ==
        (frames_.offset(number) + static_cast<std::int64_t>(kFrameHeaderBytes) - 1) / kSectorBytes;
    after_commit_ = frame->commit_pages != 0 && (linked || (current && one_sector));
    near_ = current || linked;
    stored_ = frame->stored;
    return true;
  }

  bool damaged() const { return damaged_; }
  std::uint64_t dropped() const { return dropped_; }

 private:
  Frames& frames_;
  const Salts salts_;
  WalChecksum stored_;    // of the frame before, as it says
  WalChecksum computed_;  // and as it is by its bytes, if what it says is damaged
  bool near_ = true;      // the frame before belongs to this log
  bool broken_ = false;   // one was met that does not follow
  bool after_commit_ = false;
  bool damaged_ = false;
  std::uint64_t dropped_ = 0;
};

WalFindings scrub_frames(Frames& frames, const Salts& salts, const WalEnd& end) {
  Tail tail(frames, salts, end.checksum);
  for (std::uint64_t number = end.frames + std::uint64_t{1}; number <= frames.count(); ++number) {
    if (!tail.examine(number)) break;
  }
  WalFindings findings{.dropped_frames = tail.dropped()};
  if (tail.dropped() > 0) findings.tail = WalTail::unfinished;
  if (tail.damaged()) findings.tail = WalTail::damaged;
  return findings;
}

// The header that the first frame began with: its salts stand in the frame, its checksum is what the
// frame's runs on from, and only one sequence number leads there. std::nullopt: not with this page size.
std::optional<Header> header_before(Frames& frames, std::uint32_t page_bytes) {
  if (frames.count() == 0) return std::nullopt;
  const auto first = frames.read(1, true);
  if (!first || first->page == 0) return std::nullopt;
  Header header{};
  put_big_endian_32(header.data(), kNativeWal);
  put_big_endian_32(&header[kVersionAt], kVersion);
  put_big_endian_32(&header[kPageBytesAt], page_bytes);
  std::copy(first->salts.begin(), first->salts.end(), &header[kSaltAt]);
  const WalChecksum sum = frames.run_back(first->stored);
  put_big_endian_32(&header[kChecksumAt], sum.first);
  put_big_endian_32(&header[kChecksumAt + 4], sum.second);
  // After the salts are taken back, the sums are those of the four words before; three of them are known.
  WalChecksum with_sequence = sum;
  with_sequence.take_back(std::span(header).subspan(kSaltAt, 8));
  WalChecksum without;
  without.add(std::span(header).first(kSequenceAt + 4));
  const std::uint32_t sequence = with_sequence.second - without.second;
  std::copy_n(reinterpret_cast<const std::byte*>(&sequence), 4, &header[kSequenceAt]);
  return is_whole(header) ? std::optional(header) : std::nullopt;
}

// As a crash leaves it that tore the beginning of the next log: so many bytes of the new header.
bool is_torn_restart(const Header& found, const Header& old, std::size_t bytes) {
  Header next = old;
  put_big_endian_32(&next[kSequenceAt], big_endian_32(&old[kSequenceAt]) + 1);
  put_big_endian_32(&next[kSaltAt], big_endian_32(&old[kSaltAt]) + 1);
  // The second salt is random, and may be half written.
  const std::size_t random = std::clamp<std::size_t>(bytes, kSecondSaltAt, kChecksumAt);
  std::copy(&found[kSecondSaltAt], &found[0] + random, &next[kSecondSaltAt]);
  put_checksum(next);
  Header expected = old;
  std::copy_n(next.begin(), bytes, expected.begin());
  return expected == found;
}

WalTail judge_header(const Header& found, const Header& old) {
  for (std::size_t bytes = kSequenceAt + 1; bytes <= kHeaderBytes; ++bytes) {
    if (!is_torn_restart(found, old, bytes)) continue;
    // Where only the sequence number is another one, a flipped bit does it as well.
    return bytes <= kSaltAt ? WalTail::uncertain : WalTail::clean;
  }
  return WalTail::damaged;
}

// The salts of the first frame that hangs on the one before it. std::nullopt: with this page size none does.
std::optional<Salts> linked_salts(Frames& frames) {
  std::optional<WalChecksum> before;
  for (std::uint64_t number = 1; number <= frames.count(); ++number) {
    const auto frame = frames.read(number, true);
    if (!frame) return std::nullopt;
    // Zeros hang on zeros.
    if (before && frame->page != 0 && frame->stored == frames.run_on(*before)) return frame->salts;
    before = frame->stored;
  }
  return std::nullopt;
}

// None of the log was recovered.
WalFindings scrub_broken_header(const WalBytes& wal, const Header& found) {
  for (std::uint32_t page_bytes = 512; page_bytes <= 65536; page_bytes *= 2) {
    Frames frames(wal, page_bytes);
    const auto old = header_before(frames, page_bytes);
    if (!old) continue;
    WalFindings findings = scrub_frames(frames, salts_at(&(*old)[kSaltAt]), {});
    findings.tail = judge_header(found, *old);
    findings.in_header = true;
    return findings;
  }
  // The first frame is broken, too: what comes behind it may still be a log.
  for (std::uint32_t page_bytes = 512; page_bytes <= 65536; page_bytes *= 2) {
    Frames frames(wal, page_bytes);
    const auto salts = linked_salts(frames);
    if (!salts) continue;
    WalFindings findings = scrub_frames(frames, *salts, {});
    findings.in_header = findings.tail == WalTail::damaged;
    return findings;
  }
  return {};
}

}  // namespace

WalFindings scrub_wal(const WalBytes& wal, const WalEnd& end) {
  Header header;
  if (wal.size <= static_cast<std::int64_t>(kHeaderBytes) || !wal.read(0, header)) return {};
  if (big_endian_32(header.data()) == (kNativeWal ^ 1U)) {
    Header whole = header;
    put_big_endian_32(whole.data(), kNativeWal);
    // Of a machine with the other order of bytes, unless it is our own with that one bit flipped.
    if (!is_whole(whole)) return {};
  }
  if (!is_whole(header)) return end.frames == 0 ? scrub_broken_header(wal, header) : WalFindings{};
  Frames frames(wal, big_endian_32(&header[kPageBytesAt]));
  WalEnd place = end;
  if (place.frames == 0) place.checksum = checksum_at(&header[kChecksumAt]);
  return scrub_frames(frames, salts_at(&header[kSaltAt]), place);
}

}  // namespace holdfast::vfs
