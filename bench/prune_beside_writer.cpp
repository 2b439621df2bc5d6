// How long does a writer wait while another thread prunes half of 20,000 checkpoints?
#include "support/contenders.hpp"
#include "support/data.hpp"
#include "support/files.hpp"
#include "support/question.hpp"

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using namespace bench;

namespace {

constexpr std::size_t kBytes = 2048;

void save_all(holdfast::Database& db, std::size_t count, std::size_t round) {
  for (std::size_t begin = 0; begin < count; begin += 1000) {
    db.transact([&] {
      for (std::size_t i = begin; i < std::min(count, begin + 1000); ++i)
        db.checkpoints().save("trace",
                              {.id = "id-" + std::to_string(round) + "-" + std::to_string(i),
                               .data = holdfast::to_bytes(noise(kBytes, i))});
    });
  }
}

// The longest append in ms until `done`, and how many there were.
struct Writing {
  double longest_ms = 0;
  std::size_t appends = 0;
};

Writing write_until(const std::atomic<bool>& done, const std::function<void()>& append) {
  Writing writing;
  while (!done) {
    const Stopwatch watch;
    append();
    writing.longest_ms = std::max(writing.longest_ms, watch.ms());
    ++writing.appends;
  }
  return writing;
}

Body holdfast_prune(std::size_t count, const Place& place) {
  const auto db = open_holdfast(place, open_options());
  return [=, round = std::size_t{0}]() mutable -> std::vector<double> {
    save_all(*db, count, ++round);
    const std::string entry = make_entry();
    const auto append = [&] { db->sessions().append("session", "segment", entry); };
    // What the writer's longest wait is without a prune, for as long as one takes.
    std::atomic<bool> done{false};
    Writing alone;
    std::thread writer([&] { alone = write_until(done, append); });
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    done = true;
    writer.join();
    done = false;
    Writing beside;
    std::thread again([&] { beside = write_until(done, append); });
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const Stopwatch watch;
    const std::size_t went = db->checkpoints().prune("trace", count / 2);
    const double prune_ms = watch.ms();
    done = true;
    again.join();
    if (went < count / 2) fail("a prune that left too much");
    // The next ones take the space of those that went.
    const std::size_t before = bytes_on_disk(place.file("holdfast.db"));
    save_all(*db, count / 2, ++round);
    const std::size_t after = bytes_on_disk(place.file("holdfast.db"));
    const double grown = after > before ? static_cast<double>(after - before) : 0.0;
    db->checkpoints().remove_trace("trace");
    return {beside.longest_ms,
            alone.longest_ms,
            prune_ms,
            grown / static_cast<double>(count / 2 * kBytes)};
  };
}

}  // namespace

int main(int argc, char** argv) {
  Question question(argc,
                    argv,
                    "prune_beside_writer",
                    "How long does a writer wait while half of many checkpoints is pruned?");
  const std::size_t count = question.size(20'000, 20'000);
  Table table("prune 10,000 of 20,000 checkpoints",
              {{"longest append beside it", "ms"},
               {"longest append alone", "ms"},
               {"prune", "ms"},
               {"growth when as much is saved again", "of its bytes"}},
              "checkpoints of 2 KiB, full durability; a waiting append includes its own sync");
  table.rounds(3, 5);
  table.contender("holdfast", [=](const Place& place) { return holdfast_prune(count, place); });
  table.target(figure_at_most(50, "holdfast"));
  table.target(of_measure(3, figure_at_most(0.5, "holdfast")));
  question.run(table);
  return question.finish();
}
