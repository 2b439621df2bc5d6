// A question that a bench program answers: tables of contenders that ran interleaved, and the ratios
// that were asked for, each with its target.
//
//   bench::Question question(argc, argv, "append", "What does a durable append cost?");
//   bench::Table table("one thread, full", {{"append", "us"}});
//   table.contender("holdfast", [&](const bench::Place& place) -> bench::Body { ...; return body; });
//   table.target(bench::at_most(1.05, "holdfast", "SQLite"));
//   question.run(table);
//   return question.finish();
//
// A contender prepares itself once, in a folder of its own, and returns its body, which is then called
// once per round: A, B, C, A, B, C, ... Before each call the disk is synced and left alone for a moment,
// so that one contender's writeback is not billed to the next.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bench {

struct Settings {
  std::filesystem::path folder = {};
  bool full = false;
  int rounds = 0;                                    // 0: as each table says
  std::string json = {};                             // where to write the figures; empty: nowhere
  std::map<std::string, std::int64_t> numbers = {};  // of the question's own options
};

// Where one contender may write.
struct Place {
  std::filesystem::path folder;
  std::string file(const std::string& name) const { return (folder / name).string(); }
};

// One round: a figure for each measure of the table.
using Body = std::function<std::vector<double>()>;
using Prepare = std::function<Body(const Place&)>;

struct Measure {
  std::string name = {};
  std::string unit = {};
};

// What was promised of `ours`. With a rival: of ours / rival, or (`times`) of rival / ours; without one: of
// the figure itself. Without `bound` the ratio is only told.
struct Target {
  std::string ours = {};
  std::string rival = {};
  std::size_t measure = 0;
  std::optional<double> bound = std::nullopt;
  bool times = false;                        // at least so many times better, else at most
  std::optional<double> aim = std::nullopt;  // beyond what was promised
};

Target at_most(double bound,
               std::string ours,
               std::string rival,
               std::optional<double> aim = std::nullopt);
Target at_least_times(double bound, std::string ours, std::string rival);
Target figure_at_most(double bound, std::string ours);
Target only_told(std::string ours, std::string rival);
Target of_measure(std::size_t measure, Target target);

class Table {
 public:
  Table(std::string title, std::vector<Measure> measures, std::string note = "");

  void contender(const std::string& name, Prepare prepare);
  void missing(const std::string& name, const std::string& why);
  void target(Target target) { targets_.push_back(std::move(target)); }
  void rounds(int in_short, int in_full);
  // The pause before each call, after the sync.
  void pause(std::chrono::milliseconds pause) { pause_ = pause; }

 private:
  friend class Question;
  struct Contender {
    std::string name;
    Prepare prepare;
    std::vector<std::vector<double>> rounds = {};
  };
  std::vector<double> values(const std::string& contender, std::size_t measure) const;

  std::string title_;
  std::vector<Measure> measures_;
  std::string note_;
  std::vector<Contender> contenders_;
  std::vector<std::pair<std::string, std::string>> missing_;
  std::vector<Target> targets_;
  int short_rounds_ = 5;
  int full_rounds_ = 9;
  std::chrono::milliseconds pause_{20};
};

// Lines over a logarithmic size.
struct Plot {
  struct Line {
    std::string name = {};
    std::vector<std::pair<double, double>> points = {};
  };
  std::string title = {};
  std::string x = {};
  std::string y = {};
  std::vector<Line> lines = {};
};

class Question {
 public:
  // Ends the program if the arguments are wrong, or the folder is no folder on a real disk. `numbers` are
  // options of the question's own, such as --threads, with their defaults.
  Question(int argc,
           char** argv,
           std::string name,
           std::string asks,
           std::map<std::string, std::int64_t> numbers = {});
  ~Question();
  Question(const Question&) = delete;
  Question& operator=(const Question&) = delete;

  const Settings& settings() const { return settings_; }
  std::size_t size(std::size_t in_short, std::size_t in_full) const {
    return settings_.full ? in_full : in_short;
  }
  // The most that one round of one contender should take, where a call waits for the disk.
  double limit_s() const { return settings_.full ? 5.0 : 0.4; }
  std::size_t number(const std::string& option) const {
    return static_cast<std::size_t>(settings_.numbers.at(option));
  }

  void run(Table& table);
  void plot(Plot plot);
  // A part that could not be asked, and why.
  void skip(const std::string& part, const std::string& why);
  // Prints the ratios, writes the JSON; the status for main().
  int finish();

 private:
  struct Report;
  void header() const;
  void print(const Table& table, int rounds);

  Settings settings_;
  std::string name_;
  std::unique_ptr<Report> report_;
};

// Time since it was made.
class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  }
  double ms() const { return seconds() * 1e3; }
  double us() const { return seconds() * 1e6; }
  double us_each(std::size_t count) const { return us() / static_cast<double>(count); }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

// us per call of `each`, called `count` times or until so many seconds have passed: where a sync takes long, the
// short form stays short.
template <class Each>
double us_per_call(std::size_t count, double limit_s, Each&& each) {
  const Stopwatch watch;
  std::size_t done = 0;
  while (done < count && (done == 0 || watch.seconds() < limit_s))
    each(done++);
  return watch.us_each(done);
}

// Waits until everything of the folder's disk is written, and then for that long.
void settle(const std::filesystem::path& folder, std::chrono::milliseconds pause);

double median(std::vector<double> values);

}  // namespace bench
