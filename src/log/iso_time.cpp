#include "log/iso_time.hpp"

#include <chrono>

namespace holdfast::log {
namespace {

// Takes parts off the front of a text. Digits by hand: every standard way to parse a time asks a locale.
class Parts {
 public:
  explicit Parts(std::string_view text) : rest_(text) {}

  bool empty() const { return rest_.empty(); }

  bool take(std::string_view any_of) {
    if (rest_.empty() || any_of.find(rest_.front()) == std::string_view::npos) return false;
    rest_.remove_prefix(1);
    return true;
  }

  // Exactly so many digits, of a number up to `maximum`.
  std::optional<int> number(std::size_t digits, int maximum) {
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      const auto digit = this->digit();
      if (!digit) return std::nullopt;
      value = value * 10 + *digit;
    }
    return value <= maximum ? std::optional(value) : std::nullopt;
  }

  // One digit or more after the point, as microseconds.
  std::optional<int> fraction_us() {
    auto digit = this->digit();
    if (!digit) return std::nullopt;
    int value = 0;
    for (int unit = 100'000; digit; unit /= 10, digit = this->digit())
      value += *digit * unit;
    return value;
  }

 private:
  std::optional<int> digit() {
    if (rest_.empty() || rest_.front() < '0' || rest_.front() > '9') return std::nullopt;
    const int value = rest_.front() - '0';
    rest_.remove_prefix(1);
    return value;
  }

  std::string_view rest_;
};

std::optional<std::chrono::sys_days> parse_date(Parts& parts) {
  const auto year = parts.number(4, 9999);
  if (!year || !parts.take("-")) return std::nullopt;
  const auto month = parts.number(2, 12);
  if (!month || !parts.take("-")) return std::nullopt;
  const auto day = parts.number(2, 31);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day)));
  return date.ok() ? std::optional(std::chrono::sys_days(date)) : std::nullopt;
}

std::optional<std::chrono::microseconds> parse_time_of_day(Parts& parts) {
  const auto hours = parts.number(2, 23);
  if (!hours || !parts.take(":")) return std::nullopt;
  const auto minutes = parts.number(2, 59);
  if (!minutes) return std::nullopt;
  std::chrono::microseconds time = std::chrono::hours(*hours) + std::chrono::minutes(*minutes);
  if (!parts.take(":")) return time;
  const auto seconds = parts.number(2, 60);
  if (!seconds) return std::nullopt;
  time += std::chrono::seconds(*seconds);
  if (!parts.take(".,")) return time;
  const auto fraction = parts.fraction_us();
  if (!fraction) return std::nullopt;
  return time + std::chrono::microseconds(*fraction);
}

// How far local time is ahead of UTC.
std::optional<std::chrono::minutes> parse_zone(Parts& parts) {
  if (parts.empty() || parts.take("Zz")) return std::chrono::minutes(0);
  const bool behind = parts.take("-");
  if (!behind && !parts.take("+")) return std::nullopt;
  const auto hours = parts.number(2, 23);
  if (!hours) return std::nullopt;
  std::chrono::minutes offset = std::chrono::hours(*hours);
  if (!parts.empty()) {
    parts.take(":");
    const auto minutes = parts.number(2, 59);
    if (!minutes) return std::nullopt;
    offset += std::chrono::minutes(*minutes);
  }
  return behind ? -offset : offset;
}

}  // namespace

std::optional<std::int64_t> parse_iso_time_us(std::string_view text) {
  Parts parts(text);
  const auto date = parse_date(parts);
  if (!date) return std::nullopt;
  std::chrono::sys_time<std::chrono::microseconds> time = *date;
  if (!parts.empty()) {
    if (!parts.take("Tt ")) return std::nullopt;
    const auto time_of_day = parse_time_of_day(parts);
    if (!time_of_day) return std::nullopt;
    const auto zone = parse_zone(parts);
    if (!zone) return std::nullopt;
    time += *time_of_day - *zone;
  }
  if (!parts.empty()) return std::nullopt;
  return time.time_since_epoch().count();
}

}  // namespace holdfast::log
