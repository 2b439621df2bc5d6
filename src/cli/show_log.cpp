// holdfast show segment | run: the entries of a log, page by page, a line each.

#include "cli/format.hpp"
#include "cli/json_text.hpp"
#include "cli/open_file.hpp"
#include "cli/show.hpp"

#include <algorithm>
#include <functional>
#include <limits>

namespace holdfast::cli {

namespace {

constexpr std::size_t kPageEntries = 256;

// A log by its positions: the first and the one after the last, and how to read some of them.
struct LogToShow {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::function<std::vector<LogEntry>(std::uint64_t from, std::size_t limit)> read;
};

std::string json_line(const LogEntry& entry) {
  JsonObject object;
  object.add("position", entry.position)
      .add("created_at_us", entry.created_at_us)
      .add("codec", entry.codec)
      .add_payload(entry.data);
  return object.str();
}

std::string people_line(const LogEntry& entry) {
  return std::to_string(entry.position) + "  " + iso_time(entry.created_at_us) + "  " +
         people_text(entry.data);
}

void print(const LogEntry& entry, const ShowArguments& arguments, const Console& console) {
  if (arguments.raw) {
    console.out.write(as_text(entry.data));
    console.out.write("\n");
  } else {
    console.out.line(console.json ? json_line(entry) : people_line(entry));
  }
}

void show_log(const LogToShow& log, const ShowArguments& arguments, const Console& console) {
  std::uint64_t at = std::max(log.begin, arguments.from.value_or(log.begin));
  if (arguments.tail) at = log.end - std::min(*arguments.tail, log.end - log.begin);
  const std::uint64_t limit = arguments.limit.value_or(std::numeric_limits<std::uint64_t>::max());
  std::uint64_t left = at < log.end ? std::min(limit, log.end - at) : 0;
  while (left > 0) {
    const auto page =
        log.read(at, static_cast<std::size_t>(std::min<std::uint64_t>(left, kPageEntries)));
    if (page.empty()) return;  // others cut the log meanwhile
    for (const auto& entry : page)
      print(entry, arguments, console);
    at += page.size();
    left -= page.size();
  }
}

}  // namespace

void show_segment(const Database& db, const ShowArguments& arguments, const Console& console) {
  const auto store = db.sessions();
  const auto found = store.info(arguments.id);
  if (!found) throw NotThere("there is no segment " + printable(arguments.id));
  LogToShow log;
  if (arguments.traces) {
    log.end = found->trace_count;
    log.read = [&](std::uint64_t from, std::size_t limit) {
      return store.read_trace(found->session, found->id, from, limit);
    };
  } else {
    log.end = found->entry_count;
    log.read = [&](std::uint64_t from, std::size_t limit) {
      return store.read(found->session, found->id, from, limit);
    };
  }
  show_log(log, arguments, console);
}

void show_run(const Database& db, const ShowArguments& arguments, const Console& console) {
  const auto store = db.runs();
  const auto found = store.info(arguments.id);
  if (!found) throw NotThere("there is no run " + printable(arguments.id));
  LogToShow log;
  log.begin = found->first_seq;
  log.end = std::max(found->head + 1, found->first_seq);
  log.read = [&](std::uint64_t from, std::size_t limit) {
    return store.scan(found->id, from, limit);
  };
  show_log(log, arguments, console);
}

}  // namespace holdfast::cli
