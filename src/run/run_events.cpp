// The events of a run, and the run itself; its snapshots are in run_snapshots.cpp.
#include "defect.hpp"
#include "engine/arguments.hpp"
#include "engine/connection.hpp"
#include "engine/link.hpp"
#include "holdfast/error.hpp"
#include "holdfast/run.hpp"
#include "log/log.hpp"
#include "run/run_table.hpp"
#include "run/snapshot_table.hpp"

#include <algorithm>
#include <utility>

namespace holdfast {

using run::Run;

namespace {

void check_options(const RunAppendOptions& options) {
  if (options.expected_head) engine::check_number("expected head", *options.expected_head);
  if (!options.first_seq) return;
  engine::check_number("first sequence number", *options.first_seq);
  if (*options.first_seq == 0) {
    throw Error(ErrorCode::invalid_argument, "sequence numbers of events begin at 1");
  }
}

// The sequence number that the next event gets; throws if that is not what the caller counts on.
std::uint64_t next_seq(const Run& run, const RunAppendOptions& options) {
  const bool expected = !options.expected_head || *options.expected_head == run.head();
  if (!expected && !planted("expected_head_not_asked")) {
    throw Error(ErrorCode::conflict,
                "the head of run " + run.name + " is another than expected",
                {.expected = options.expected_head, .actual = run.head(), .id = run.name});
  }
  std::optional<std::uint64_t> required;
  if (run.event_count > 0) {
    required = run.head() + 1;
  } else if (run.newest_at_seq) {
    // Its log was elsewhere: events from 1 on would be taken for those that went into the snapshots.
    required = *run.newest_at_seq + 1;
  }
  const std::uint64_t first = options.first_seq.value_or(run.event_count > 0 ? run.head() + 1 : 1);
  if (required && first != *required) {
    throw Error(ErrorCode::conflict,
                "the next event of run " + run.name + " cannot have that sequence number",
                {.expected = first, .actual = required, .id = run.name});
  }
  return first;
}

void check_room(const Run& run, std::uint64_t first, std::uint64_t events) {
  // first may be one more than the highest number that there is.
  if (events <= kMaxNumber + 1 - first) return;
  throw Error(ErrorCode::too_large,
              "run " + run.name + " has no sequence numbers left for so many events",
              {.expected = kMaxNumber, .actual = first - 1 + events, .id = run.name});
}

// The log counts from 1, and does not know whose it is.
template <class Work>
auto with_run_named(const Run& run, Work&& work) {
  try {
    return work();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::corrupt) throw;
    ErrorDetail detail = error.detail();
    if (detail.actual) *detail.actual += run.first_seq - 1;
    detail.id = run.name;
    throw Error(ErrorCode::corrupt, "run " + run.name + ": " + error.what(), detail);
  }
}

std::vector<LogEntry> numbered(const Run& run, std::vector<LogEntry> events) {
  for (LogEntry& event : events)
    event.position += run.first_seq - 1;
  return events;
}

std::uint64_t ordinal_of(const Run& run, std::uint64_t seq) {
  return seq < run.first_seq ? 1 : seq - run.first_seq + 1;
}

struct Page {
  std::int64_t run_key = 0;
  std::uint64_t head = 0;
  std::vector<LogEntry> events = {};
};

Page read_page(engine::Connection& db, const IdRef& name, std::uint64_t from) {
  const auto run = run::find_run(db, name.text());
  if (!run) return {};
  Page page{.run_key = run->key, .head = run->head()};
  if (run->has_events_from(from)) {
    page.events = numbered(*run, with_run_named(*run, [&] {
      return log::read_page(db, run->log(), ordinal_of(*run, from));
    }));
  }
  return page;
}

}  // namespace

RunStore::RunStore(std::shared_ptr<const engine::Link> link) : link_(std::move(link)) {}

std::uint64_t RunStore::append(const IdRef& run,
                               const PayloadList& events,
                               const RunAppendOptions& options) {
  engine::check_id("run", run);
  check_options(options);
  if (events.empty()) {
    return link_->read([&](engine::Connection& db) {
      const Run known = run::find_or_new_run(db, run.text(), 0);
      next_seq(known, options);
      return known.head();
    });
  }
  std::size_t bytes = 0;
  for (const BytesView& event : events) {
    link_->check_payload(event.size());
    bytes += event.size();
  }
  const auto entries = log::check_entries(events, log::kJson, false);
  const std::int64_t now_us = link_->now_us();
  return link_->write(
      [&](engine::Connection& db) {
        Run owner = run::find_or_new_run(db, run.text(), now_us);
        const std::uint64_t first = next_seq(owner, options);
        check_room(owner, first, entries.size());
        if (owner.key == 0) run::create_run(db, owner);
        if (owner.event_count == 0) {
          owner.first_seq = first;
          owner.node_key = log::create_node(db);
        }
        const auto appended = log::append(db, owner.log(), entries, log::kJson, now_us);
        owner.event_count = appended.count;
        owner.raw_bytes += appended.raw_bytes;
        run::write_run(db, owner);
        return owner.head();
      },
      bytes);
}

std::uint64_t RunStore::head(const IdRef& run) const {
  engine::check_id("run", run);
  return link_->read([&](engine::Connection& db) -> std::uint64_t {
    const auto known = run::find_run(db, run.text());
    return known ? known->head() : 0;
  });
}

std::vector<LogEntry> RunStore::scan(const IdRef& run,
                                     std::uint64_t from,
                                     std::size_t limit) const {
  engine::check_id("run", run);
  engine::check_number("sequence number", from);
  return link_->read([&](engine::Connection& db) -> std::vector<LogEntry> {
    const auto known = run::find_run(db, run.text());
    if (!known || !known->has_events_from(from)) return {};
    return numbered(*known, with_run_named(*known, [&] {
      return log::read(db, known->log(), ordinal_of(*known, from), limit);
    }));
  });
}

void RunStore::for_each(const IdRef& run, std::uint64_t from, const EventVisitor& visit) const {
  engine::check_id("run", run);
  engine::check_number("sequence number", from);
  const auto page_from = [&](std::uint64_t seq) {
    return link_->read([&](engine::Connection& db) { return read_page(db, run, seq); });
  };
  Page page = page_from(from);
  // Up to the head as it was: a visitor that appends would otherwise never end.
  const Page first{.run_key = page.run_key, .head = page.head};
  while (!page.events.empty()) {
    for (const LogEntry& event : page.events) {
      if (event.position <= first.head) visit(event);
    }
    const std::uint64_t last = page.events.back().position;
    if (last >= first.head) return;
    page = page_from(last + 1);
    if (page.run_key != first.run_key) {
      throw Error(ErrorCode::not_found,
                  "run " + run.str() + " was removed while its events were read",
                  {.id = run.str()});
    }
  }
}

std::optional<RunInfo> RunStore::info(const IdRef& run) const {
  engine::check_id("run", run);
  return link_->read([&](engine::Connection& db) -> std::optional<RunInfo> {
    auto known = run::find_run(db, run.text());
    if (!known) return std::nullopt;
    return RunInfo{.id = known->name,
                   .first_seq = known->first_seq,
                   .head = known->head(),
                   .snapshots = known->snapshot_count,
                   .created_at_us = known->created_at_us};
  });
}

std::vector<std::string> RunStore::list_runs(std::size_t limit,
                                             const std::optional<std::string>& after) const {
  if (after) engine::check_id("run", *after);
  return link_->read([&](engine::Connection& db) { return run::run_names(db, limit, after); });
}

bool RunStore::remove(const IdRef& run) {
  engine::check_id("run", run);
  bool more = false;
  const bool removed = link_->write([&](engine::Connection& db) {
    more = false;
    auto known = run::find_run(db, run.text());
    if (!known) return false;
    run::remove_rows(db, *known);
    content::Freeing freeing(db);
    if (known->node_key) log::remove(db, freeing, known->log());
    known->event_count = 0;
    run::write_run(db, *known);
    more = freeing.noted();
    return true;
  });
  if (more) link_->free_in_slices(&log::free_slice);
  return removed;
}

}  // namespace holdfast
