// The snapshots of a run; its events are in run_events.cpp.
#include "content/upload.hpp"
#include "engine/arguments.hpp"
#include "engine/connection.hpp"
#include "engine/link.hpp"
#include "holdfast/error.hpp"
#include "holdfast/run.hpp"
#include "run/run_table.hpp"
#include "run/snapshot_table.hpp"

#include <memory>
#include <utility>

namespace holdfast {

using run::Order;
using run::Run;
using run::SnapshotCursor;
using run::SnapshotRow;

namespace {

Snapshot read_snapshot(engine::Connection& db, const Run& run, const SnapshotRow& row) {
  run::require_sound(run, row);
  return {.run = run.name, .at_seq = row.at_seq, .state = run::read_state(db, run, row)};
}

// nullopt: it is damaged.
std::optional<Snapshot> try_read_snapshot(engine::Connection& db,
                                          const Run& run,
                                          const SnapshotRow& row) {
  try {
    return read_snapshot(db, run, row);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::corrupt) throw;
    return std::nullopt;
  }
}

SnapshotRecovery recover(engine::Connection& db, const Run& run) {
  SnapshotRecovery recovery;
  recovery.incomplete = !run.sound;
  auto expected = run.newest_at_seq;
  SnapshotCursor rows(db, run, Order::newest_first, kMaxNumber);
  while (!recovery.chosen) {
    const auto row = rows.next();
    if (!row) break;
    if (row->at_seq != expected) recovery.incomplete = true;
    expected = run::at_seq_before(run, *row);
    recovery.chosen = try_read_snapshot(db, run, *row);
    if (!recovery.chosen) recovery.damaged.push_back(row->at_seq);
  }
  if (!recovery.chosen && expected) recovery.incomplete = true;
  return recovery;
}

std::vector<SnapshotInfo> list_rows(engine::Connection& db,
                                    const Run& run,
                                    std::uint64_t newest,
                                    std::size_t limit) {
  std::vector<SnapshotInfo> infos;
  auto first = run::newest_up_to(db, run, newest);
  if (!first) return infos;
  SnapshotCursor rows(db, run, Order::newest_first, newest);
  for (std::optional expected = first->at_seq; expected && infos.size() < limit;) {
    const auto row = rows.next();
    if (!row || row->at_seq != *expected) run::throw_missing(run);
    run::require_sound(run, *row);
    expected = run::at_seq_before(run, *row);
    infos.push_back({.at_seq = row->at_seq,
                     .created_at_us = row->created_at_us,
                     .raw_bytes = static_cast<std::uint64_t>(row->raw_bytes)});
  }
  return infos;
}

// What cannot be saved is refused before all of it is staged, and once more in the last transaction.
void require_within(const Run& owner, const Snapshot& snapshot) {
  if (owner.event_count == 0 || snapshot.at_seq <= owner.head()) return;
  throw Error(ErrorCode::invalid_argument,
              "a snapshot of run " + owner.name + " cannot be newer than its last event",
              {.expected = owner.head(), .actual = snapshot.at_seq, .id = owner.name});
}

std::unique_ptr<content::Upload> stage(const std::shared_ptr<const engine::Link>& link,
                                       const Snapshot& snapshot) {
  auto upload = std::make_unique<content::Upload>(
      link, [&snapshot](engine::Connection& db) -> std::optional<std::int64_t> {
        const auto owner = run::find_run(db, snapshot.run);
        if (!owner) return std::nullopt;
        require_within(*owner, snapshot);
        return run::find_near(db, *owner, snapshot.at_seq);
      });
  upload->give(snapshot.state);
  return upload;
}

}  // namespace

void RunStore::save_snapshot(const Snapshot& snapshot) {
  engine::check_id("run", snapshot.run);
  engine::check_number("at_seq", snapshot.at_seq);
  link_->check_payload(snapshot.state.size());
  const std::size_t bytes = snapshot.state.size();
  const auto upload = content::is_staged(*link_, bytes) ? stage(link_, snapshot) : nullptr;
  const std::int64_t now_us = link_->now_us();
  link_->write(
      [&](engine::Connection& db) {
        Run owner = run::find_or_new_run(db, snapshot.run, now_us);
        require_within(owner, snapshot);
        if (owner.key == 0) run::create_run(db, owner);
        const SnapshotRow row{.at_seq = snapshot.at_seq, .created_at_us = now_us};
        run::put_snapshot(db, owner, row, snapshot.state, upload.get());
        run::write_run(db, owner);
      },
      upload ? 0 : bytes);
  if (upload) upload->release();
}

std::optional<Snapshot> RunStore::load_latest(const IdRef& run) const {
  return load_at(run, kMaxNumber);
}

std::optional<Snapshot> RunStore::load_at(const IdRef& run, std::uint64_t seq) const {
  engine::check_id("run", run);
  engine::check_number("sequence number", seq);
  return link_->read([&](engine::Connection& db) -> std::optional<Snapshot> {
    const auto known = run::find_run(db, run.text());
    if (!known) return std::nullopt;
    const auto row = run::newest_up_to(db, *known, seq);
    if (!row) return std::nullopt;
    return read_snapshot(db, *known, *row);
  });
}

SnapshotRecovery RunStore::recover_latest(const IdRef& run) const {
  engine::check_id("run", run);
  return link_->read([&](engine::Connection& db) {
    const auto known = run::find_run_as_is(db, run.text());
    return known ? recover(db, *known) : SnapshotRecovery{};
  });
}

std::vector<SnapshotInfo> RunStore::list(const IdRef& run,
                                         const SnapshotListOptions& options) const {
  engine::check_id("run", run);
  if (options.before) engine::check_number("at_seq", *options.before);
  return link_->read([&](engine::Connection& db) -> std::vector<SnapshotInfo> {
    const auto known = run::find_run(db, run.text());
    if (!known || options.before == 0) return {};
    return list_rows(db, *known, options.before ? *options.before - 1 : kMaxNumber, options.limit);
  });
}

std::size_t RunStore::prune(const IdRef& run, std::size_t keep) {
  engine::check_id("run", run);
  return link_->write([&](engine::Connection& db) -> std::size_t {
    auto known = run::find_run(db, run.text());
    if (!known) return 0;
    const std::size_t removed =
        keep == 0 ? run::remove_rows(db, *known) : run::prune_rows(db, *known, keep);
    if (removed > 0 || keep == 0) run::write_run(db, *known);
    return removed;
  });
}

}  // namespace holdfast
