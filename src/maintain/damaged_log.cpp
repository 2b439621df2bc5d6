#include "maintain/damaged_log.hpp"

#include "maintain/big_endian.hpp"

#include <algorithm>
#include <bit>
#include <string>
#include <utility>

namespace holdfast::maintain {

namespace {

constexpr std::size_t kHeaderBytes = 32;
constexpr std::size_t kFrameHeaderBytes = 24;
constexpr std::uint32_t kMagic = 0x377f'0682;  // the lowest bit: checksums of big-endian words

struct Checksum {
  std::uint32_t first = 0;
  std::uint32_t second = 0;
  bool operator==(const Checksum&) const = default;
};

Checksum add(Checksum sum, BytesView bytes, bool big_endian) {
  for (std::size_t at = 0; at + 8 <= bytes.size(); at += 8) {
    const auto word = [&](std::size_t offset) {
      return big_endian ? read_u32(bytes, offset) : read_u32_little(bytes, offset);
    };
    sum.first += word(at) + sum.second;
    sum.second += word(at + 4) + sum.first;
  }
  return sum;
}

struct Frame {
  std::uint64_t data_offset = 0;
  std::uint32_t page = 0;
  std::uint32_t page_count = 0;  // not 0: the last of a transaction
  bool valid = false;
  bool same_life = false;  // its salts are the header's
};

// The frames of one life of the log, each proven or not.
class Frames {
 public:
  Frames(const engine::RawFile& log, std::uint32_t page_bytes)
      : log_(log), page_bytes_(page_bytes) {}

  std::vector<Frame> read() {
    std::vector<Frame> frames;
    if (!read_header()) return frames;
    std::vector<Checksum> seeds = {seed_};
    Bytes bytes(kFrameHeaderBytes + page_bytes_);
    std::uint64_t offset = kHeaderBytes;
    for (; log_.read(offset, bytes) == bytes.size(); offset += bytes.size()) {
      frames.push_back(read_frame(bytes, seeds, frames));
      frames.back().data_offset = offset + kFrameHeaderBytes;
    }
    // What stands at the end is of an earlier life.
    while (!frames.empty() && !frames.back().valid && !frames.back().same_life)
      frames.pop_back();
    return frames;
  }

 private:
  bool read_header() {
    Bytes header(kHeaderBytes);
    if (log_.read(0, header) != header.size()) return false;
    const BytesView view(header);
    salts_ = to_bytes(view.subspan(16, 8));
    big_endian_ = (read_u32(view, 0) & 1U) != 0;
    seed_ = {read_u32(view, 24), read_u32(view, 28)};
    const bool sound =
        (read_u32(view, 0) & ~1U) == kMagic && add({}, view.first(24), big_endian_) == seed_;
    if (!sound) adopt_first_frame();
    return true;
  }

  // The header is damaged: the salts are in every frame, and the order of bytes is this machine's.
  void adopt_first_frame() {
    Bytes header(kFrameHeaderBytes);
    if (log_.read(kHeaderBytes, header) != header.size()) return;
    salts_ = to_bytes(BytesView(header).subspan(8, 8));
    big_endian_ = std::endian::native == std::endian::big;
  }

  // `seeds`: what the frame may go on from; afterwards, what the next one may.
  Frame read_frame(Bytes& bytes, std::vector<Checksum>& seeds, std::vector<Frame>& frames) {
    const BytesView view(bytes);
    const Checksum stored{read_u32(view, 16), read_u32(view, 20)};
    const auto sum_from = [&](const Checksum& seed) {
      return add(
          add(seed, view.first(8), big_endian_), view.subspan(kFrameHeaderBytes), big_endian_);
    };
    Frame frame{.page = read_u32(view, 0),
                .page_count = read_u32(view, 4),
                .same_life = std::ranges::equal(view.subspan(8, 8), salts_)};
    for (std::size_t at = 0; frame.same_life && at < seeds.size() && !frame.valid; ++at) {
      frame.valid = sum_from(seeds[at]) == stored;
      // It went on from what the frame before computes to, not from what that one says: only the
      // sum of that one was damaged.
      if (frame.valid && at == 1) frames.back().valid = true;
    }
    if (!frame.valid && frame.same_life && repairs_ > 0)
      repair(frame, bytes, seeds.front(), stored);
    const Checksum computed = sum_from(seeds.front());
    seeds = {stored};
    if (!frame.valid && computed != stored) seeds.push_back(computed);
    return frame;
  }

  // Which page a damaged frame is of must be known: one wrong byte there can be found.
  void repair(Frame& frame, Bytes& bytes, const Checksum& seed, const Checksum& stored) {
    --repairs_;
    for (std::size_t at = 0; at < 8; ++at) {
      const std::byte old = bytes[at];
      for (unsigned value = 0; value < 256; ++value) {
        bytes[at] = static_cast<std::byte>(value);
        const Checksum head = add(seed, BytesView(bytes).first(8), big_endian_);
        if (add(head, BytesView(bytes).subspan(kFrameHeaderBytes), big_endian_) != stored) continue;
        frame.page = read_u32(bytes, 0);
        frame.page_count = read_u32(bytes, 4);
        frame.valid = true;
        return;
      }
      bytes[at] = old;
    }
  }

  const engine::RawFile& log_;
  std::uint32_t page_bytes_;
  Bytes salts_;
  Checksum seed_;
  bool big_endian_ = false;
  int repairs_ = 256;  // that are left: each costs milliseconds
};

bool same_page(const engine::RawFile& log,
               const engine::RawFile& database,
               const Frame& frame,
               std::uint32_t page_bytes) {
  Bytes in_log(page_bytes);
  Bytes in_file(page_bytes);
  const std::uint64_t offset = std::uint64_t{frame.page - 1} * page_bytes;
  return log.read(frame.data_offset, in_log) == page_bytes &&
         database.read(offset, in_file) == page_bytes && in_log == in_file;
}

// Is the newest proven form of every page in the file already?
bool was_moved(const engine::RawFile& log,
               const engine::RawFile& database,
               const std::vector<Frame>& frames,
               std::uint32_t page_bytes) {
  std::map<std::uint32_t, const Frame*> newest;
  for (const Frame& frame : frames)
    newest[frame.page] = &frame;
  return std::ranges::all_of(newest, [&](const auto& entry) {
    return !entry.second->valid || same_page(log, database, *entry.second, page_bytes);
  });
}

// How many frames count: up to the last whole transaction.
std::size_t end_of_commits(const std::vector<Frame>& frames) {
  std::size_t end = 0;
  std::size_t first = 0;
  for (std::size_t at = 0; at < frames.size(); ++at) {
    if (frames[at].page_count == 0) continue;
    const bool whole = std::all_of(frames.begin() + static_cast<std::ptrdiff_t>(first),
                                   frames.begin() + static_cast<std::ptrdiff_t>(at) + 1,
                                   [](const Frame& frame) { return frame.valid; });
    first = at + 1;
    if (whole) end = first;
  }
  return end;
}

void note(DamagedLog& view, Severity severity, std::string what) {
  view.notes.push_back({severity, "write-ahead log", std::move(what)});
}

void note_damage(DamagedLog& view, const std::vector<Frame>& frames, std::size_t end) {
  const auto bad = static_cast<std::size_t>(std::count_if(
      frames.begin(), frames.begin() + static_cast<std::ptrdiff_t>(end), [](const Frame& frame) {
        return !frame.valid;
      }));
  if (bad > 0) {
    note(view,
         Severity::error,
         std::to_string(bad) +
             " damaged frames with whole commits behind them: their pages are lost, unless a later "
             "frame has them");
  }
  if (end < frames.size()) {
    // Which of the two cannot be told.
    note(view,
         Severity::warning,
         "its newest transaction is not whole, interrupted or damaged, and was left out");
  }
}

}  // namespace

DamagedLog read_log(const engine::RawFile& log,
                    const engine::RawFile& database,
                    std::uint32_t page_bytes) {
  DamagedLog view;
  const std::vector<Frame> frames = Frames(log, page_bytes).read();
  if (std::ranges::none_of(frames, [](const Frame& frame) { return frame.valid; }) &&
      log.size() > kHeaderBytes) {
    note(view, Severity::error, "nothing in it can be proven");
    return view;
  }
  const std::size_t end = end_of_commits(frames);
  const bool whole = std::ranges::all_of(frames, [](const Frame& frame) { return frame.valid; });
  if (!frames.empty() && !whole && was_moved(log, database, frames, page_bytes)) {
    note(view, Severity::info, "it has damaged frames, but was moved into the file already");
    return view;
  }
  for (std::size_t at = 0; at < end; ++at) {
    const Frame& frame = frames[at];
    if (frame.valid) {
      if (frame.page_count != 0) view.page_count = frame.page_count;
      view.pages[frame.page] = frame.data_offset;
      view.lost.erase(frame.page);
    } else {
      view.pages.erase(frame.page);
      view.lost.insert(frame.page);
    }
  }
  note_damage(view, frames, end);
  return view;
}

}  // namespace holdfast::maintain
