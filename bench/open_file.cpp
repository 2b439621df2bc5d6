// Does it cost more to open a large file, and load its latest checkpoint, than a small one?
#include "support/contenders.hpp"
#include "support/data.hpp"
#include "support/question.hpp"

#include <string>
#include <vector>

using namespace bench;

namespace {

constexpr std::size_t kPayload = std::size_t{256} << 10;

Prepare file_of(std::size_t mib) {
  return [=](const Place& place) -> Body {
    {
      const auto db = open_holdfast(place, open_options(holdfast::Durability::normal));
      for (std::size_t i = 0; i * kPayload < mib << 20; ++i)
        db->checkpoints().save(
            "trace",
            {.id = "id-" + std::to_string(i), .data = holdfast::to_bytes(noise(kPayload, i))});
      db->checkpoints().save("latest",
                             {.id = "latest", .data = holdfast::to_bytes(noise(4096, 0))});
    }
    return [=]() -> std::vector<double> {
      const Stopwatch watch;
      auto db = holdfast::Database::open(place.file("holdfast.db"), open_options());
      const double open_ms = watch.ms();
      if (db.checkpoints().load_latest("latest")->data.size() != 4096) fail("a wrong payload");
      return {watch.ms(), open_ms};
    };
  };
}

}  // namespace

int main(int argc, char** argv) {
  Question question(argc, argv, "open_file", "Does it cost more to open a large file?");
  const std::size_t mib = question.size(128, 1024);
  const std::string large = std::to_string(mib) + " MiB";
  Table table("a file of 1 MiB, and one of " + large,
              {{"open and load_latest", "ms"}, {"open", "ms"}},
              "the latest checkpoint has 4 KiB; the rest are payloads of 256 KiB");
  table.rounds(9, 15);
  table.contender(large, file_of(mib));
  table.contender("1 MiB", file_of(1));
  table.target(at_most(2.0, large, "1 MiB"));
  question.run(table);
  return question.finish();
}
