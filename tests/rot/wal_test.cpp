// Bit rot in the write-ahead log: what is read is what the newest commit left, or what an earlier one left and
// a report says so, or an error. It is never a mixture.
#include "harness/scale.hpp"
#include "rot/trial.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <algorithm>
#include <array>
#include <iostream>
#include <map>
#include <set>
#include <tuple>
#include <utility>

namespace holdfast::test {

namespace {

constexpr std::size_t kHeaderBytes = 32;
constexpr std::size_t kFrameHeaderBytes = 24;
constexpr std::size_t kFrameBytes = kFrameHeaderBytes + kPageBytes;
constexpr std::size_t kWrittenOneIn = 16;

const std::vector<Step>& commits() {
  static const std::vector<Step> made{
      [](Database& db) { db.sessions().append("session-a", "g1", R"({"kind":"first"})"); },
      [](Database& db) {
        db.checkpoints().save("trace-a", {"a9", to_bytes("second"), 7, 12});
      },
      [](Database& db) {
        db.transact([&] {
          db.runs().append("run-a", {"third"});
          db.state("orders").put("key-3", "third");
        });
      },
  };
  return made;
}

// The sample with a log beside it, and what it answers after each of the log's commits.
struct Logged {
  Logged() {
    const SoundDatabase sound;
    Ground ground(vfs::MemoryDisk::Image{{kDiskPath, sound.file()}});
    Database db = ground.open();
    states.push_back(read_sample(db).all());
    for (const Step& commit : commits()) {
      commit(db);
      states.push_back(read_sample(db).all());
      ends.insert(ground.disk.snapshot().at(kDiskWal).size());
    }
    image = ground.disk.snapshot();
    for (std::size_t call = 0; call < states[0].size(); ++call)
      concerned.push_back(differs(call) || reads_logged_page(sound, call));
    for (std::size_t state = 0; state < states.size(); ++state)
      later.push_back(after_writing(state));
  }

  [[nodiscard]] const Bytes& log() const { return image.at(kDiskWal); }
  [[nodiscard]] std::size_t frames() const { return (log().size() - kHeaderBytes) / kFrameBytes; }

  vfs::MemoryDisk::Image image;
  std::vector<std::vector<Answer>> states;  // 0: without the log
  std::vector<std::vector<Answer>> later;   // after write_more() on each
  std::set<std::size_t> ends;               // where each commit ends in the log
  std::vector<bool> concerned;              // calls that the log can make a difference to

 private:
  [[nodiscard]] bool differs(std::size_t call) const {
    for (const auto& state : states) {
      if (!(state[call] == states[0][call])) return true;
    }
    return false;
  }
  [[nodiscard]] bool reads_logged_page(const SoundDatabase& sound, std::size_t call) const {
    for (std::size_t frame = 0; frame < frames(); ++frame) {
      const std::byte* header = log().data() + kHeaderBytes + frame * kFrameBytes;
      const std::size_t page = (std::to_integer<std::size_t>(header[2]) << 8) +
                               std::to_integer<std::size_t>(header[3]) - 1;
      if (page > 0 && page < sound.pages() && sound.needs(call, page)) return true;
    }
    return false;
  }
  [[nodiscard]] std::vector<Answer> after_writing(std::size_t state) const {
    vfs::MemoryDisk::Image whole = image;
    whole[kDiskWal].resize(state == 0 ? 0 : *std::next(ends.begin(), static_cast<int>(state) - 1));
    Ground ground(whole);
    Database db = ground.open();
    ground.next_day();
    write_more(db);
    return read_sample(db).all();
  }
};

enum class Seen : std::uint8_t { refused, detected, newest, reported, boundary, silent, wrong };
constexpr std::array<const char*, 7> kSeen{"open refused",
                                           "call refused",
                                           "as before",
                                           "older, reported",
                                           "cut at a commit",
                                           "older, NOT REPORTED",
                                           "WRONG"};

class LogRot {
 public:
  void flip_bits() {
    each("a bit flipped", logged_.log().size(), [&](std::size_t at, Bytes& log) {
      log[at] ^= std::byte{1} << static_cast<int>(random_.below(8));
    });
  }
  void change_bytes() {
    each("a byte changed", logged_.log().size() / 4, [&](std::size_t, Bytes& log) {
      log[random_.below(log.size())] ^= static_cast<std::byte>(1 + random_.below(255));
    });
  }
  void truncate() {
    each("truncated", logged_.log().size(), [&](std::size_t length, Bytes& log) {
      log.resize(length);
    });
  }
  void zero() {
    each("zeroed from somewhere on", logged_.frames() * 16, [&](std::size_t, Bytes& log) {
      const std::size_t from = random_.below(log.size());
      const std::size_t bytes = std::min(log.size() - from, 1 + random_.below(kFrameBytes));
      std::fill_n(log.begin() + static_cast<std::ptrdiff_t>(from), bytes, std::byte{0});
    });
  }
  void move_frames() {
    const std::size_t frames = logged_.frames();
    each("two frames swapped", frames * frames, [&](std::size_t which, Bytes& log) {
      std::swap_ranges(frame(log, which / frames),
                       frame(log, which / frames) + kFrameBytes,
                       frame(log, which % frames));
    });
    each("a frame in place of another", frames * frames, [&](std::size_t which, Bytes& log) {
      std::copy_n(frame(log, which / frames), kFrameBytes, frame(log, which % frames));
    });
  }

  void report() {
    std::uint64_t cases = 0;
    std::uint64_t wrong = 0;
    for (const auto& [kind, row] : rows_) {
      std::cout << "  " << kind << ":";
      for (std::size_t i = 0; i < kSeen.size(); ++i) {
        std::cout << "  " << row[i] << " " << kSeen[i];
        cases += row[i];
      }
      std::cout << "\n";
      wrong +=
          row[static_cast<std::size_t>(Seen::silent)] + row[static_cast<std::size_t>(Seen::wrong)];
    }
    for (const std::string& what : told_)
      std::cout << "  " << what << "\n";
    std::cout << cases << " damaged logs, " << wrong << " violations" << std::endl;
    INFO(random_);
    CHECK(cases > 0);
    CHECK(wrong == 0);
  }

 private:
  static Bytes::iterator frame(Bytes& log, std::size_t number) {
    return log.begin() + static_cast<std::ptrdiff_t>(kHeaderBytes + number * kFrameBytes);
  }

  template <class Alter>
  void each(const std::string& kind, std::size_t possible, const Alter& alter) {
    const std::size_t cases = scaled(possible);
    for (std::size_t i = 0; i < cases; ++i) {
      const std::size_t which = cases >= possible ? i % possible : random_.below(possible);
      vfs::MemoryDisk::Image image = logged_.image;
      Bytes& log = image[kDiskWal];
      alter(which, log);
      // Cut between two commits, or before the first: a log that nobody can tell from a whole one. What is less
      // than a frame says nothing.
      const std::size_t frames =
          log.size() <= kHeaderBytes ? 0 : (log.size() - kHeaderBytes) / kFrameBytes;
      const bool cut = log.size() < logged_.log().size() &&
                       (frames == 0 || logged_.ends.count(kHeaderBytes + frames * kFrameBytes) > 0);
      auto [seen, what] = look(image);
      if (seen == Seen::silent && cut) seen = Seen::boundary;
      ++rows_[kind][static_cast<std::size_t>(seen)];
      constexpr std::size_t kTold = 10;
      if ((seen == Seen::silent || seen == Seen::wrong) && told_.size() < kTold)
        told_.push_back(kind + ", case " + std::to_string(which) + ": " + what);
    }
  }

  std::pair<Seen, std::string> look(const vfs::MemoryDisk::Image& image) {
    Ground ground(image);
    try {
      Database db = ground.open();
      const bool told = db.statistics().log_recovery.finding != LogRecovery::Finding::clean;
      const auto [seen, state, what] = compare(db, logged_.states, true);
      if (seen == Seen::wrong) return {seen, what};
      if (random_.one_in(kWrittenOneIn)) {
        ground.next_day();
        write_more(db);
        const auto after = compare(db, {logged_.later[state]}, false);
        if (std::get<0>(after) == Seen::wrong)
          return {Seen::wrong, "after a write: " + std::get<2>(after)};
      }
      if (seen != Seen::newest || state + 1 == logged_.states.size()) return {seen, ""};
      return {told ? Seen::reported : Seen::silent, "as of commit " + std::to_string(state)};
    } catch (const Error& error) {
      if (says_damage(error.code())) return {Seen::refused, ""};
      return {Seen::wrong, error.what()};
    } catch (const std::exception& error) {
      return {Seen::wrong, std::string("an exception that is no Error: ") + error.what()};
    }
  }

  // The newest state that the answers may be of.
  std::tuple<Seen, std::size_t, std::string> compare(const Database& db,
                                                     const std::vector<std::vector<Answer>>& states,
                                                     bool some) const {
    const auto choice = [&](std::size_t call, std::size_t) {
      return !some || logged_.concerned[call];
    };
    const auto answers = read_sample(db, choice).all();
    Outcome outcome;
    for (std::size_t state = states.size(); state-- > 0;) {
      outcome = judge(answers, states[state]);
      if (outcome.verdict == Verdict::wrong) continue;
      return {outcome.verdict == Verdict::detected ? Seen::detected : Seen::newest, state, ""};
    }
    return {Seen::wrong, 0, outcome.what};
  }

  Random random_;
  const Logged logged_;
  std::map<std::string, std::array<std::uint64_t, kSeen.size()>> rows_;
  std::vector<std::string> told_;
};

}  // namespace

TEST_CASE("a damaged log gives the newest commit, or an earlier one with a report, or an error") {
  LogRot rot;
  rot.flip_bits();
  rot.change_bytes();
  rot.truncate();
  rot.zero();
  rot.move_frames();
  rot.report();
}

}  // namespace holdfast::test
