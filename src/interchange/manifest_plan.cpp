#include "interchange/manifest_plan.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace holdfast::interchange {

namespace {

constexpr std::size_t kMinDigits = 6;
constexpr std::string_view kDecisions = "checkpoint-decisions/";
constexpr std::string_view kEpoch = "epoch=";

bool is_digit(char c) {
  return std::isdigit(static_cast<unsigned char>(c)) != 0;
}

std::optional<std::uint64_t> parse_id(std::string_view digits) {
  if (digits.size() < kMinDigits || (digits.size() > kMinDigits && digits.front() == '0')) {
    return std::nullopt;
  }
  std::uint64_t id = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), id);
  const bool whole = error == std::errc() && end == digits.data() + digits.size();
  return whole ? std::optional(id) : std::nullopt;
}

// The id between the two parts of a path.
std::optional<std::uint64_t> id_between(std::string_view path,
                                        std::string_view before,
                                        std::string_view after) {
  if (!path.starts_with(before) || !path.ends_with(after)) return std::nullopt;
  if (path.size() < before.size() + after.size()) return std::nullopt;
  path.remove_prefix(before.size());
  path.remove_suffix(after.size());
  return parse_id(path);
}

// checkpoint-decisions/..., or epoch=N/... at the top.
bool is_marker(std::string_view path) {
  if (path.starts_with(kDecisions)) return true;
  if (!path.starts_with(kEpoch) || path.find('/') == std::string_view::npos) return false;
  const std::string_view number = path.substr(kEpoch.size(), path.find('/') - kEpoch.size());
  return !number.empty() && std::all_of(number.begin(), number.end(), is_digit);
}

const SourceFile** slot(ManifestPlan& plan, std::string_view path) {
  if (const auto id = id_between(path, "manifests/manifest-", ".json")) {
    return &plan.by_id[*id].manifest.v2;
  }
  if (const auto id = id_between(path, "checkpoints/state-", ".bin")) {
    return &plan.by_id[*id].state.v2;
  }
  if (const auto id = id_between(path, "checkpoints/checkpoint_", "/manifest.json")) {
    return &plan.by_id[*id].manifest.v1;
  }
  if (const auto id = id_between(path, "checkpoints/checkpoint_", "/state.bin")) {
    return &plan.by_id[*id].state.v1;
  }
  if (path == "manifests/latest.json") return &plan.latest_v2;
  if (path == "checkpoints/latest.txt") return &plan.latest_v1;
  return nullptr;
}

}  // namespace

std::string id_digits(std::uint64_t id) {
  std::string digits = std::to_string(id);
  return digits.size() < kMinDigits ? std::string(kMinDigits - digits.size(), '0') + digits
                                    : digits;
}

ManifestPlan plan_manifests(const SourceFolder& folder) {
  ManifestPlan plan;
  for (const SourceFile& file : folder.files) {
    if (const SourceFile** place = slot(plan, file.path)) {
      *place = &file;
    } else if (is_marker(file.path)) {
      plan.markers.push_back(&file);
    } else {
      continue;
    }
    ++plan.files;
    plan.bytes += file.bytes;
  }
  return plan;
}

}  // namespace holdfast::interchange
