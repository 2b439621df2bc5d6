// What do many successive states of one owner cost, in bytes and in time?
#include "support/data.hpp"
#include "support/question.hpp"
#include "support/successive.hpp"

#include <memory>
#include <string>

using namespace bench;

namespace {

constexpr std::size_t kFinalBytes = std::size_t{2} << 20;

// Text that grows at its end; with edits, 10 places of 8 bytes differ from the state before.
class Growing {
 public:
  Growing(std::size_t count, bool edits)
      : step_(kFinalBytes / count), edits_(edits), whole_(prose(kFinalBytes, 17)) {}

  const std::string& next() {
    state_.append(whole_, state_.size(), step_);
    for (int i = 0; edits_ && i < 10; ++i)
      state_.replace(random_.below(state_.size() - 8), 8, noise(8, random_.next()));
    return state_;
  }

 private:
  std::size_t step_;
  bool edits_;
  std::string whole_;
  std::string state_;
  Random random_{23};
};

void ask(Question& question, bool edits) {
  const std::size_t count = question.size(100, 500);
  Table table(std::to_string(count) + " states growing to 2 MiB" +
                  (edits ? ", with 10 edits of 8 bytes in each" : ", at the end"),
              kStateMeasures,
              question.settings().full
                  ? "full durability"
                  : "full durability; the targets in bytes are for 500 states");
  table.rounds(2, 3);
  add_states(table, count, [=]() -> States {
    const auto growing = std::make_shared<Growing>(count, edits);
    return [=]() -> const std::string& { return growing->next(); };
  });
  table.target(edits ? at_most(1.2, "holdfast", "file") : at_most(0.6, "holdfast", "file", 0.5));
  table.target(of_measure(
      1,
      edits ? only_told("holdfast", "SQLite, a row") : at_most(4.0, "holdfast", "SQLite, a row")));
  table.target(of_measure(2,
                          question.settings().full
                              ? figure_at_most(edits ? 1000.0 / 60 : 1000.0 / 100, "holdfast")
                              : only_told("holdfast", "file")));
  question.run(table);
}

void ask_identical(Question& question) {
  const std::size_t count = question.size(100, 400);
  const std::size_t bytes = std::size_t{256} << 10;
  Table table(std::to_string(count) + " identical values of 256 KiB", kStateMeasures);
  table.rounds(1, 1);
  add_states(table, count, [=]() -> States {
    const auto value = std::make_shared<const std::string>(noise(bytes, 29));
    return [=]() -> const std::string& { return *value; };
  });
  table.target(only_told("holdfast", "file"));
  // One MiB of file, as a part of all values.
  const double raw = static_cast<double>(count * bytes);
  table.target(of_measure(2, figure_at_most((1 << 20) / raw * 1000, "holdfast")));
  question.run(table);
}

}  // namespace

int main(int argc, char** argv) {
  Question question(
      argc, argv, "successive_states", "What do many successive states of one owner cost?");
  ask(question, false);
  ask(question, true);
  ask_identical(question);
  return question.finish();
}
