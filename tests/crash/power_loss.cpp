#include "crash/power_loss.hpp"

#include <algorithm>

namespace holdfast::test {

namespace {

using Kind = DiskEvent::Kind;
constexpr std::size_t kSectorBytes = 512;

void put(std::string& bytes, std::uint64_t offset, std::string_view data) {
  if (bytes.size() < offset + data.size()) bytes.resize(offset + data.size(), '\0');
  std::copy(data.begin(), data.end(), bytes.begin() + static_cast<std::ptrdiff_t>(offset));
}

void carry_out(std::string& bytes, const DiskEvent& event) {
  if (event.kind == Kind::write) {
    put(bytes, event.offset, event.data);
  } else {
    bytes.resize(event.offset, '\0');
  }
}

// A truncation is there or not, a write in part.
void tear_at_byte(std::string& bytes, const DiskEvent& event, Random& random) {
  if (event.kind != Kind::write) return;
  put(bytes, event.offset, std::string_view(event.data).substr(0, random.below(event.data.size())));
}

void tear_at_sectors(std::string& bytes, const DiskEvent& event, Random& random) {
  if (event.kind != Kind::write) {
    if (random.one_in(2)) carry_out(bytes, event);
    return;
  }
  const std::string_view data = event.data;
  for (std::size_t done = 0; done < data.size();) {
    const auto place = event.offset + done;
    const auto size = std::min(kSectorBytes - place % kSectorBytes, data.size() - done);
    if (random.one_in(2)) put(bytes, place, data.substr(done, size));
    done += size;
  }
}

void change_name(std::map<std::string, std::size_t>& names, const DiskEvent& event) {
  if (event.kind == Kind::create) {
    names[event.data] = event.file;
  } else {
    names.erase(event.data);
  }
}

}  // namespace

PowerLoss::PowerLoss(const vfs::MemoryDisk::Image& image) {
  for (const auto& [name, bytes] : image) {
    names_.emplace(name, files_.size());
    files_.push_back({std::string(as_text(bytes)), {}});
  }
}

void PowerLoss::apply(const DiskEvent& event) {
  switch (event.kind) {
    case Kind::write:
    case Kind::truncate:
      files_[event.file].unsafe.push_back(&event);
      break;
    case Kind::create:
      files_.resize(std::max(files_.size(), event.file + 1));
      renamed_.push_back(&event);
      break;
    case Kind::remove:
      renamed_.push_back(&event);
      break;
    case Kind::sync: {
      File& file = files_[event.file];
      for (const auto* each : file.unsafe)
        carry_out(file.safe, *each);
      file.unsafe.clear();
      break;
    }
    case Kind::acknowledge:
      break;
  }
  if (!event.with_folder) return;
  for (const auto* each : renamed_)
    change_name(names_, *each);
  renamed_.clear();
}

bool PowerLoss::at_risk() const {
  return !renamed_.empty() || std::any_of(files_.begin(), files_.end(), [](const File& file) {
    return !file.unsafe.empty();
  });
}

std::string PowerLoss::after_loss(const File& file, Loss loss, Random& random) {
  std::string bytes = file.safe;
  const auto& unsafe = file.unsafe;
  if (unsafe.empty() || loss == Loss::everything) return bytes;
  const auto cut = random.below(unsafe.size());
  const auto take = [&](std::size_t first, std::size_t last) {
    for (auto i = first; i < last; ++i)
      carry_out(bytes, *unsafe[i]);
  };
  switch (loss) {
    case Loss::everything:
      break;
    case Loss::nothing:
      take(0, unsafe.size());
      break;
    case Loss::later:
      take(0, cut);
      tear_at_byte(bytes, *unsafe[cut], random);
      break;
    case Loss::sectors:
      take(0, cut);
      tear_at_sectors(bytes, *unsafe[cut], random);
      break;
    case Loss::earlier:
      take(cut, unsafe.size());
      break;
    case Loss::some:
      for (const auto* each : unsafe) {
        if (random.one_in(2)) carry_out(bytes, *each);
      }
      break;
    case Loss::some_sectors:
      for (const auto* each : unsafe)
        tear_at_sectors(bytes, *each, random);
      break;
    case Loss::mixed:
      return after_loss(file, static_cast<Loss>(random.below(kLosses - 1)), random);
    case Loss::contents:
      take(0, unsafe.size());
      std::fill(
          bytes.begin() + static_cast<std::ptrdiff_t>(std::min(file.safe.size(), bytes.size())),
          bytes.end(),
          '\0');
      break;
  }
  return bytes;
}

vfs::MemoryDisk::Image PowerLoss::image(Loss loss, Random& random) const {
  auto names = names_;
  const auto kept = loss == Loss::nothing      ? renamed_.size()
                    : loss == Loss::everything ? 0
                                               : random.below(renamed_.size() + 1);
  for (std::size_t i = 0; i < kept; ++i)
    change_name(names, *renamed_[i]);
  vfs::MemoryDisk::Image image;
  for (const auto& [name, number] : names) {
    const auto bytes = after_loss(files_[number], loss, random);
    image[name] = to_bytes(bytes);
  }
  return image;
}

}  // namespace holdfast::test
