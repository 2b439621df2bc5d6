// holdfast show state: its entries, one value, or the whole as snapshot bytes.

#include "cli/format.hpp"
#include "cli/json_text.hpp"
#include "cli/open_file.hpp"
#include "cli/show.hpp"

#include <algorithm>
#include <charconv>
#include <functional>
#include <limits>

namespace holdfast::cli {

namespace {

constexpr std::size_t kPageEntries = 256;
constexpr std::size_t kPreviewColumns = 60;

// The entries of one partition, or the flat ones, now or as they were.
struct EntriesToShow {
  std::optional<PartitionKey> partition = std::nullopt;
  std::function<std::vector<StateEntry>(const StateScanOptions&)> scan;
  std::function<std::optional<Bytes>()> get;  // the value of --key
};

std::uint32_t parse_part(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size()) return number;
  throw UsageError("--partition is OPERATOR:PARTITION:SUBTASK");
}

// From the right: an operator's name may hold colons.
PartitionKey parse_partition(std::string_view text) {
  const std::size_t second = text.rfind(':');
  if (second == std::string_view::npos || second == 0)
    throw UsageError("--partition is OPERATOR:PARTITION:SUBTASK");
  const std::size_t first = text.rfind(':', second - 1);
  if (first == std::string_view::npos)
    throw UsageError("--partition is OPERATOR:PARTITION:SUBTASK");
  return {.operator_id = std::string(text.substr(0, first)),
          .partition = parse_part(text.substr(first + 1, second - first - 1)),
          .subtask = parse_part(text.substr(second + 1))};
}

EntriesToShow entries_now(const StateBackend& state,
                          const std::optional<PartitionKey>& partition,
                          const ShowArguments& arguments) {
  const StateEntries entries =
      partition ? StateEntries(state.partition(*partition)) : StateEntries(state);
  return {.partition = partition,
          .scan =
              [entries, &arguments](const StateScanOptions& options) {
                return entries.range_scan(arguments.prefix.value_or(""), options);
              },
          .get = [entries, &arguments] { return entries.get(*arguments.key); }};
}

EntriesToShow entries_at(const StateView& view,
                         const std::optional<PartitionKey>& partition,
                         const ShowArguments& arguments) {
  return {.partition = partition,
          .scan =
              [view, partition, &arguments](const StateScanOptions& options) {
                const std::string prefix = arguments.prefix.value_or("");
                return partition ? view.range_scan(*partition, prefix, options)
                                 : view.range_scan(prefix, options);
              },
          .get =
              [view, partition, &arguments] {
                return partition ? view.get(*partition, *arguments.key) : view.get(*arguments.key);
              }};
}

EntriesToShow entries_of(const StateBackend& state,
                         const std::optional<PartitionKey>& partition,
                         const ShowArguments& arguments) {
  if (arguments.at) return entries_at(state.read_at(*arguments.at), partition, arguments);
  return entries_now(state, partition, arguments);
}

// The part of a value that fits into a line of a table.
std::string preview(BytesView value) {
  std::string text = people_text(value);
  std::replace(text.begin(), text.end(), '\n', ' ');
  if (display_width(text) <= kPreviewColumns) return text;
  std::size_t end = kPreviewColumns;
  // Not in the middle of a code point.
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U)
    --end;
  return text.substr(0, end) + "...";
}

std::string json_line(const EntriesToShow& entries, const StateEntry& entry) {
  JsonObject object;
  if (entries.partition) {
    object.add("operator", entries.partition->operator_id)
        .add("partition", std::uint64_t{entries.partition->partition})
        .add("subtask", std::uint64_t{entries.partition->subtask});
  }
  object.add("key", as_text(entry.key))
      .add("key_hex", hex(entry.key))
      .add("raw_bytes", std::uint64_t{entry.value.size()})
      .add_payload(entry.value);
  return object.str();
}

std::string people_line(const EntriesToShow& entries, const StateEntry& entry) {
  const std::string prefix = entries.partition ? printable(entries.partition->to_prefix()) : "";
  return prefix + printable(as_text(entry.key)) + "  " + preview(entry.value);
}

// Returns how many were printed.
std::uint64_t print_entries(const EntriesToShow& entries,
                            std::uint64_t limit,
                            const Console& console) {
  std::uint64_t printed = 0;
  StateScanOptions options;
  while (printed < limit) {
    options.limit =
        static_cast<std::size_t>(std::min<std::uint64_t>(kPageEntries, limit - printed));
    auto page = entries.scan(options);
    for (const auto& entry : page) {
      console.out.line(console.json ? json_line(entries, entry) : people_line(entries, entry));
    }
    printed += page.size();
    if (page.size() < options.limit) break;
    options.after = std::move(page.back().key);
  }
  return printed;
}

void show_value(const EntriesToShow& entries,
                const ShowArguments& arguments,
                const Console& console) {
  const auto value = entries.get();
  if (!value) throw NotThere("there is no such key in state " + printable(arguments.id));
  Record record;
  record.add({"state", "state"}, arguments.id)
      .add({"key", "key"}, *arguments.key)
      .add({"raw_bytes", "size", Kind::bytes}, std::uint64_t{value->size()});
  print_with_payload(std::move(record), *value, arguments, console);
}

void show_entries(const StateBackend& state,
                  const ShowArguments& arguments,
                  const Console& console) {
  const std::uint64_t limit = arguments.limit.value_or(std::numeric_limits<std::uint64_t>::max());
  if (arguments.partition) {
    print_entries(
        entries_of(state, parse_partition(*arguments.partition), arguments), limit, console);
    return;
  }
  std::uint64_t printed = print_entries(entries_of(state, std::nullopt, arguments), limit, console);
  for (const auto& partition : state.list_partitions()) {
    printed += print_entries(entries_of(state, partition, arguments), limit - printed, console);
  }
}

}  // namespace

void show_state(const Database& db, const ShowArguments& arguments, const Console& console) {
  const auto state = db.state(arguments.id);
  const auto names = state.list_states();
  if (std::find(names.begin(), names.end(), arguments.id) == names.end()) {
    throw NotThere("there is no state " + printable(arguments.id));
  }
  if (arguments.key) {
    std::optional<PartitionKey> partition;
    if (arguments.partition) partition = parse_partition(*arguments.partition);
    show_value(entries_of(state, partition, arguments), arguments, console);
  } else if (arguments.raw) {
    if (arguments.partition || arguments.prefix || arguments.limit) {
      throw UsageError("--raw writes the whole state as snapshot bytes, or the value of --key");
    }
    console.out.write(
        as_text(state.export_snapshot(arguments.at.value_or(0), arguments.at.has_value())));
  } else {
    show_entries(state, arguments, console);
  }
}

}  // namespace holdfast::cli
