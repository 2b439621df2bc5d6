// What does one producer pay for durability when it does not wait for each entry?
//
// A ticket promises that its entry will be durable; the producer waits only for the one that it took 1,024
// entries ago, and at the end for all.
#include "support/contenders.hpp"
#include "support/data.hpp"
#include "support/files.hpp"
#include "support/question.hpp"

#include <deque>
#include <memory>
#include <string>
#include <vector>

using namespace bench;

namespace {

constexpr std::size_t kWindow = 1024;

Prepare holdfast_tickets(std::size_t count) {
  return [=](const Place& place) {
    holdfast::OpenOptions options = open_options();
    options.committer_thread = true;
    const auto db = open_holdfast(place, options);
    return [=, entry = make_entry()]() -> std::vector<double> {
      std::deque<holdfast::Ticket> tickets;
      const Stopwatch watch;
      for (std::size_t i = 0; i < count; ++i) {
        holdfast::Batch batch;
        batch.append("session", "segment", entry);
        tickets.push_back(db->commit_async(std::move(batch)));
        if (tickets.size() < kWindow) continue;
        tickets.front().wait();
        tickets.pop_front();
      }
      for (const holdfast::Ticket& ticket : tickets)
        ticket.wait();
      return {watch.us_each(count)};
    };
  };
}

}  // namespace

int main(int argc, char** argv) {
  Question question(
      argc,
      argv,
      "append_tickets",
      "What does one producer pay for durability if it need not wait for each entry?");
  const std::size_t count = question.size(20'000, 100'000);
  Table table("1 KiB, one producer, 1,024 tickets under way",
              {{"append", "us"}},
              "the lines are not synced at all; the tickets are all waited for");
  table.contender("holdfast, full, tickets", holdfast_tickets(count));
  table.contender("JSONL: open, append, close", [=](const Place& place) -> Body {
    return [=, line = make_entry() + "\n"]() -> std::vector<double> {
      return {us_per_call(
          count, 60, [&](std::size_t) { append_line(place.folder / "log.jsonl", line); })};
    };
  });
  table.contender("JSONL, kept open", [=](const Place& place) -> Body {
    const auto file = std::make_shared<LineFile>(place.folder / "log.jsonl");
    return [=, line = make_entry() + "\n"]() -> std::vector<double> {
      return {us_per_call(count, 60, [&](std::size_t) { file->append(line); })};
    };
  });
  table.target(at_most(1.5, "holdfast, full, tickets", "JSONL: open, append, close", 1.25));
  table.target(only_told("holdfast, full, tickets", "JSONL, kept open"));
  question.run(table);
  return question.finish();
}
