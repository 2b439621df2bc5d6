#include "support/question.hpp"

#include "support/machine.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <thread>
#include <fcntl.h>
#include <unistd.h>

namespace bench {

namespace {

using Json = nlohmann::ordered_json;

[[noreturn]] void refuse(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::exit(2);
}

std::string file_name(std::string text) {
  for (char& c : text)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '-';
  return text;
}

// Four digits are more than such figures are worth.
std::string figure(double value) {
  char text[32];
  std::snprintf(text, sizeof text, value >= 1000 ? "%.0f" : "%.4g", value);
  return text;
}

struct Ratio {
  double middle = 0;  // of the medians
  double low = 0;     // of any round
  double high = 0;
};

Ratio ratio_of(const std::vector<double>& over, const std::vector<double>& under) {
  Ratio ratio{median(over) / median(under), over[0] / under[0], over[0] / under[0]};
  for (std::size_t i = 0; i < over.size(); ++i) {
    ratio.low = std::min(ratio.low, over[i] / under[i]);
    ratio.high = std::max(ratio.high, over[i] / under[i]);
  }
  return ratio;
}

Json describe(const Measure& measure, const std::string& name, const std::vector<double>& values) {
  return {{"measure", measure.name},
          {"unit", measure.unit},
          {"contender", name},
          {"median", median(values)},
          {"low", *std::min_element(values.begin(), values.end())},
          {"high", *std::max_element(values.begin(), values.end())},
          {"rounds", values}};
}

// What a target's figures are, and whether it is reached.
Json judge(const Target& target,
           const Measure& measure,
           const std::vector<double>& ours,
           const std::vector<double>& rival) {
  const std::vector<double> ones(ours.size(), 1.0);
  const Ratio ratio = target.rival.empty() ? ratio_of(ours, ones)
                      : target.times       ? ratio_of(rival, ours)
                                           : ratio_of(ours, rival);
  const auto reached = [&](double bound) {
    return target.times ? ratio.middle >= bound : ratio.middle <= bound;
  };
  Json row{{"measure", measure.name},
           {"ours", target.ours},
           {"rival", target.rival},
           {"ratio", ratio.middle},
           {"low", ratio.low},
           {"high", ratio.high},
           {"times", target.times},
           {"unit", target.rival.empty() ? measure.unit : ""}};
  if (target.bound) {
    row["bound"] = *target.bound;
    row["reached"] = reached(*target.bound);
  }
  if (target.aim) {
    row["aim"] = *target.aim;
    row["aim_reached"] = reached(*target.aim);
  }
  return row;
}

std::string say(const std::string& title, const Json& row) {
  const auto text = [&](const char* name) { return row[name].get<std::string>(); };
  const bool times = row["times"].get<bool>();
  const std::string sign = times ? ">= " : "<= ";
  std::string line = title + ", " + text("measure") + ": " + text(times ? "rival" : "ours");
  if (!text("rival").empty()) line += " / " + text(times ? "ours" : "rival");
  line += " = " + figure(row["ratio"]) + (text("unit").empty() ? "" : " ") + text("unit") + " (" +
          figure(row["low"]) + " to " + figure(row["high"]) + ")";
  if (row.contains("bound"))
    line += ", target " + sign + figure(row["bound"]) +
            (row["reached"].get<bool>() ? ": reached" : ": NOT reached");
  if (row.contains("aim"))
    line += ", aim " + sign + figure(row["aim"]) +
            (row["aim_reached"].get<bool>() ? ": reached" : ": not reached");
  return line;
}

}  // namespace

struct Question::Report {
  Json json;
  std::vector<std::string> ratios;  // printed last
};

Target at_most(double bound, std::string ours, std::string rival, std::optional<double> aim) {
  return {.ours = std::move(ours), .rival = std::move(rival), .bound = bound, .aim = aim};
}

Target at_least_times(double bound, std::string ours, std::string rival) {
  return {.ours = std::move(ours), .rival = std::move(rival), .bound = bound, .times = true};
}

Target figure_at_most(double bound, std::string ours) {
  return {.ours = std::move(ours), .bound = bound};
}

Target only_told(std::string ours, std::string rival) {
  return {.ours = std::move(ours), .rival = std::move(rival)};
}

Target of_measure(std::size_t measure, Target target) {
  target.measure = measure;
  return target;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

void settle(const std::filesystem::path& folder, std::chrono::milliseconds pause) {
  const int handle = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (handle >= 0) {
    syncfs(handle);
    close(handle);
  }
  std::this_thread::sleep_for(pause);
}

Table::Table(std::string title, std::vector<Measure> measures, std::string note)
    : title_(std::move(title)), measures_(std::move(measures)), note_(std::move(note)) {}

void Table::contender(const std::string& name, Prepare prepare) {
  contenders_.push_back({name, std::move(prepare)});
}

void Table::missing(const std::string& name, const std::string& why) {
  missing_.emplace_back(name, why);
}

void Table::rounds(int in_short, int in_full) {
  short_rounds_ = in_short;
  full_rounds_ = in_full;
}

std::vector<double> Table::values(const std::string& contender, std::size_t measure) const {
  std::vector<double> values;
  for (const Contender& candidate : contenders_) {
    if (candidate.name != contender) continue;
    for (const std::vector<double>& round : candidate.rounds)
      values.push_back(round.at(measure));
  }
  return values;
}

Question::Question(int argc,
                   char** argv,
                   std::string name,
                   std::string asks,
                   std::map<std::string, std::int64_t> numbers)
    : name_(std::move(name)), report_(std::make_unique<Report>()) {
  settings_.numbers = std::move(numbers);
  std::string usage = "usage: " + name_ + " FOLDER [--full] [--rounds N] [--json FILE]";
  for (const auto& [option, value] : settings_.numbers)
    usage += " [" + option + " N]";
  if (argc < 2 || argv[1][0] == '-') refuse(usage);
  settings_.folder = argv[1];
  for (int i = 2; i < argc; ++i) {
    const std::string option = argv[i];
    if (option == "--full") {
      settings_.full = true;
      continue;
    }
    if (++i == argc) refuse(usage);
    if (option == "--json") {
      settings_.json = argv[i];
    } else if (const int value = std::atoi(argv[i]); value < 1) {
      refuse(usage);
    } else if (option == "--rounds") {
      settings_.rounds = value;
    } else if (const auto own = settings_.numbers.find(option); own != settings_.numbers.end()) {
      own->second = value;
    } else {
      refuse(usage);
    }
  }
  if (!on_disk(settings_.folder))
    refuse(settings_.folder.string() + ": must be a folder on a real disk, not in memory");
  report_->json = {{"question", name_}, {"asks", asks}, {"full", settings_.full}};
  report_->json["tables"] = Json::array();
  report_->json["plots"] = Json::array();
  report_->json["skipped"] = Json::array();
  std::printf("%s: %s\n", name_.c_str(), asks.c_str());
  header();
}

Question::~Question() = default;

void Question::header() const {
  Facts facts = machine(settings_.folder);
  facts.emplace_back("form", settings_.full ? "full" : "short");
  for (const auto& [option, value] : settings_.numbers)
    facts.emplace_back(option, std::to_string(value));
  facts.emplace_back("load at the start", load_average());
  for (const auto& [name, value] : facts) {
    std::printf("  %-18s %s\n", name.c_str(), value.c_str());
    report_->json["machine"][name] = value;
  }
}

void Question::run(Table& table) {
  const int rounds = settings_.rounds > 0 ? settings_.rounds
                     : settings_.full     ? table.full_rounds_
                                          : table.short_rounds_;
  std::vector<Body> bodies;
  std::vector<std::filesystem::path> folders;
  for (const Table::Contender& contender : table.contenders_) {
    const auto folder = settings_.folder /
                        (name_ + "-" + std::to_string(getpid()) + "-" + file_name(contender.name));
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    folders.push_back(folder);
    bodies.push_back(contender.prepare({folder}));
  }
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < bodies.size(); ++i) {
      settle(settings_.folder, table.pause_);
      table.contenders_[i].rounds.push_back(bodies[i]());
    }
  }
  bodies.clear();
  for (const auto& folder : folders)
    std::filesystem::remove_all(folder);
  print(table, rounds);
}

void Question::print(const Table& table, int rounds) {
  std::printf("\n%s, %d rounds\n", table.title_.c_str(), rounds);
  if (!table.note_.empty()) std::printf("  %s\n", table.note_.c_str());
  Json rows = Json::array();
  for (std::size_t m = 0; m < table.measures_.size(); ++m) {
    const Measure& measure = table.measures_[m];
    for (const Table::Contender& contender : table.contenders_) {
      rows.push_back(describe(measure, contender.name, table.values(contender.name, m)));
      const Json& row = rows.back();
      std::printf("  %-14s %-34s %10s %s  (%s to %s)\n",
                  measure.name.c_str(),
                  contender.name.c_str(),
                  figure(row["median"]).c_str(),
                  measure.unit.c_str(),
                  figure(row["low"]).c_str(),
                  figure(row["high"]).c_str());
    }
  }
  Json missing = Json::array();
  for (const auto& [name, why] : table.missing_) {
    std::printf("  %s is missing: %s\n", name.c_str(), why.c_str());
    missing.push_back({{"name", name}, {"why", why}});
  }
  Json ratios = Json::array();
  for (const Target& target : table.targets_) {
    const auto ours = table.values(target.ours, target.measure);
    const auto rival = table.values(target.rival, target.measure);
    if (ours.empty() || (rival.empty() && !target.rival.empty())) continue;
    ratios.push_back(judge(target, table.measures_.at(target.measure), ours, rival));
    report_->ratios.push_back(say(table.title_, ratios.back()));
  }
  report_->json["tables"].push_back({{"title", table.title_},
                                     {"note", table.note_},
                                     {"rounds", rounds},
                                     {"rows", rows},
                                     {"missing", missing},
                                     {"ratios", ratios}});
  std::fflush(stdout);
}

void Question::plot(Plot plot) {
  Json lines = Json::array();
  std::printf("\n%s: %s over %s\n", plot.title.c_str(), plot.y.c_str(), plot.x.c_str());
  for (const Plot::Line& line : plot.lines) {
    std::printf("  %-34s", line.name.c_str());
    for (const auto& [x, y] : line.points)
      std::printf("  %.0e: %s", x, figure(y).c_str());
    std::printf("\n");
    lines.push_back({{"name", line.name}, {"points", line.points}});
  }
  report_->json["plots"].push_back(
      {{"title", plot.title}, {"x", plot.x}, {"y", plot.y}, {"lines", lines}});
}

void Question::skip(const std::string& part, const std::string& why) {
  std::printf("\n%s skipped: %s\n", part.c_str(), why.c_str());
  report_->json["skipped"].push_back({{"part", part}, {"why", why}});
}

int Question::finish() {
  std::printf("\nratios of medians (of single rounds, lowest to highest), load at the end %s\n",
              load_average().c_str());
  for (const std::string& ratio : report_->ratios)
    std::printf("  %s\n", ratio.c_str());
  report_->json["machine"]["load at the end"] = load_average();
  if (settings_.json.empty()) return 0;
  std::ofstream out(settings_.json);
  out << report_->json.dump(1) << "\n";
  out.close();
  if (!out) refuse(settings_.json + ": cannot be written");
  return 0;
}

}  // namespace bench
