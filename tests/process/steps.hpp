// Steps of a writer: one transaction over all five stores each, numbered from 1, whose content follows
// from the writer's name and the number. So whoever looks knows what has to be there:
//
//   after step n   the segment and the run have n entries, the state says n, and the newest checkpoint,
//                  snapshot and manifest are those of n
//   pruned         checkpoints, snapshots and manifests of a writer go together, in one transaction:
//                  the three lists name the same steps at any instant
//
// A thread other than the writer's may prune; nobody else may write under the name.
#pragma once

#include "holdfast/database.hpp"

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace holdfast::test {

class Steps {
 public:
  explicit Steps(std::string who) : who_(std::move(who)) {}

  // JSON; one in 64 is too large to stand in its row.
  [[nodiscard]] std::string content(std::uint64_t step) const {
    std::uint64_t mixed = (step + who_.size()) * 0x9e37'79b9'7f4a'7c15ULL;
    std::size_t bytes = 20 + mixed % 400;
    if ((mixed >> 20) % 16 == 0) bytes *= 8;
    if ((mixed >> 30) % 64 == 0) bytes = 70'000 + mixed % 60'000;
    std::string text = R"({"who":")" + who_ + R"(","step":)" + std::to_string(step) + R"(,"pad":")";
    while (text.size() < bytes) {
      mixed = mixed * 0x5851'f42d'4c95'7f2dULL + 1;
      text += std::to_string(mixed);
    }
    return text + R"("})";
  }

  // Inside a transaction of the caller's, or as one.
  void write(Database& db, std::uint64_t step) const {
    const std::string text = content(step);
    db.sessions().append(session(), segment(), text, {.expected_count = step - 1});
    db.runs().append(run(), {text}, {.expected_head = step - 1});
    db.runs().save_snapshot({run(), step, to_bytes(text)});
    db.checkpoints().save(trace(), blob(step, text));
    db.manifests(stream()).save_with_state(manifest(step), text);
    state(db).put("step", std::to_string(step));
    state(db).put("slot " + std::to_string(step % 16), text);
  }
  [[nodiscard]] Batch batch(const Database& db, std::uint64_t step) const {
    const std::string text = content(step);
    Batch batch;
    batch.append(session(), segment(), text, {.expected_count = step - 1})
        .append_events(run(), {text}, {.expected_head = step - 1})
        .save_snapshot({run(), step, to_bytes(text)})
        .save(trace(), blob(step, text))
        .save_with_state(db.manifests(stream()), manifest(step), {text})
        .put(state(db), "step", std::to_string(step))
        .put(state(db), "slot " + std::to_string(step % 16), text);
    return batch;
  }

  // Keeps the newest `keep` (1 or more) of all that can be pruned.
  void prune(Database& db, std::size_t keep) const {
    db.transact([&] {
      const std::size_t checkpoints = db.checkpoints().prune(trace(), keep);
      const std::size_t snapshots = db.runs().prune(run(), keep);
      const std::size_t manifests = db.manifests(stream()).prune(keep);
      must(checkpoints == snapshots && snapshots == manifests, "prune removes as many of each");
    });
  }

  // Reads one instant, says which step it shows, and throws std::logic_error where it is not whole.
  // The entries of both logs are
  // compared from the step after `compared` on.
  std::uint64_t check(const Database& db, std::uint64_t compared = 0) const {
    return db.read([&] {
      const std::uint64_t step = db.runs().head(run());
      check_heads(db, step);
      check_lists(db, step);
      if (step == 0) return step;
      const std::uint64_t first = std::min(compared, step);
      check_log(db.sessions().read(session(), segment(), first, kNoLimit), first, first, step);
      check_log(db.runs().scan(run(), first + 1), first + 1, first, step);
      return step;
    });
  }

 private:
  void must(bool holds, const std::string& what) const {
    if (!holds) throw std::logic_error(who_ + ": it does not hold that " + what);
  }

  void check_heads(const Database& db, std::uint64_t step) const {
    const bool none = step == 0;
    must(db.sessions().exists(session(), segment()) == !none, "run and segment are there alike");
    const auto said = state(db).get("step");
    must(said.has_value() == !none, "run and state are there alike");
    if (none) return;
    must(db.sessions().read_entry_count(session(), segment()) == step, "segment and run are equal");
    must(as_text(*said) == std::to_string(step), "state and run are equal");
    const std::string text = content(step);
    const auto slot = state(db).get("slot " + std::to_string(step % 16));
    must(slot && as_text(*slot) == text, "the state has the step's value");
    const auto snapshot = db.runs().load_latest(run());
    must(snapshot && snapshot->at_seq == step && as_text(snapshot->state) == text,
         "the newest snapshot is the step's");
    const auto newest = db.checkpoints().load_latest(trace());
    must(newest && newest->id == blob_id(step) && as_text(newest->data) == text,
         "the newest checkpoint is the step's");
    const auto latest = db.manifests(stream()).load_latest();
    must(latest && latest->checkpoint_id() == step, "the newest manifest is the step's");
    const auto data = db.manifests(stream()).load_state_data(step);
    must(data && as_text(*data) == text, "the manifest's state is the step's");
  }

  void check_lists(const Database& db, std::uint64_t step) const {
    std::vector<std::uint64_t> snapshots;
    for (const SnapshotInfo& info : db.runs().list(run()))
      snapshots.push_back(info.at_seq);
    std::vector<std::uint64_t> manifests = db.manifests(stream()).list_ids();
    std::reverse(manifests.begin(), manifests.end());
    must(snapshots == manifests, "snapshots and manifests are of the same steps");
    std::vector<std::string> ids;
    for (const std::uint64_t at_seq : snapshots)
      ids.push_back(blob_id(at_seq));
    must(db.checkpoints().list(trace()) == ids, "checkpoints and snapshots are of the same steps");
    // What is pruned are the oldest.
    for (std::size_t i = 0; i < snapshots.size(); ++i)
      must(snapshots[i] == step - i, "the steps that are kept are the newest");
  }

  // Entries of the steps after `before` up to `step`, whose positions count from `position`.
  void check_log(const std::vector<LogEntry>& entries,
                 std::uint64_t position,
                 std::uint64_t before,
                 std::uint64_t step) const {
    must(entries.size() == step - before, "a log has as many entries as steps");
    for (const LogEntry& entry : entries) {
      must(entry.position == position++, "a log has no hole");
      must(entry.text() == content(++before), "a log has every step once, in order");
    }
  }

  [[nodiscard]] std::string session() const { return "session " + who_; }
  [[nodiscard]] std::string segment() const { return "segment " + who_; }
  [[nodiscard]] std::string run() const { return "run " + who_; }
  [[nodiscard]] std::string trace() const { return "trace " + who_; }
  [[nodiscard]] std::string stream() const { return "stream " + who_; }
  [[nodiscard]] StatePartition state(const Database& db) const {
    return db.state("steps").partition({who_, 0, 0});
  }
  [[nodiscard]] std::string blob_id(std::uint64_t step) const {
    return who_ + " " + std::to_string(step);
  }
  [[nodiscard]] CheckpointBlob blob(std::uint64_t step, const std::string& text) const {
    return {blob_id(step), to_bytes(text), step, static_cast<std::int64_t>(step)};
  }
  static Manifest manifest(std::uint64_t step) { return {step, step, step}; }

  std::string who_;
};

}  // namespace holdfast::test
