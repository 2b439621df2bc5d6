// Runs the seeds of every target, and each file of the corpus (what a fuzzer found once), without a fuzzer.
//
// usage: replay CORPUS                    CORPUS/TARGET/* beside the seeds
//        replay CORPUS --write FOLDER     writes the seeds to FOLDER/TARGET/, for a fuzzer to begin with
#include "fuzz/targets.hpp"

#include <array>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

namespace holdfast::test {

namespace {

constexpr std::array kTargets{&kDatabaseTarget,
                              &kWalTarget,
                              &kSnapshotTarget,
                              &kManifestTarget,
                              &kImportTarget,
                              &kCallsTarget};

std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::size_t replay(const FuzzTarget& target, const std::filesystem::path& corpus) {
  std::size_t inputs = 0;
  for (const std::string& seed : target.seeds()) {
    target.run(seed);
    ++inputs;
  }
  const auto folder = corpus / target.name;
  if (!std::filesystem::exists(folder)) return inputs;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    std::cout << "  " << file.path().filename().string() << std::endl;
    target.run(bytes_of(file.path()));
    ++inputs;
  }
  return inputs;
}

void write_seeds(const FuzzTarget& target, const std::filesystem::path& to) {
  const auto folder = to / target.name;
  std::filesystem::create_directories(folder);
  std::size_t number = 0;
  for (const std::string& seed : target.seeds())
    std::ofstream(folder / ("seed-" + std::to_string(++number)), std::ios::binary) << seed;
}

int run(const std::vector<std::string>& arguments) {
  if (arguments.size() == 3 && arguments[1] == "--write") {
    for (const FuzzTarget* target : kTargets)
      write_seeds(*target, arguments[2]);
    return 0;
  }
  if (arguments.size() != 1) {
    std::cerr << "usage: replay CORPUS [--write FOLDER]\n";
    return 2;
  }
  for (const FuzzTarget* target : kTargets) {
    std::cout << target->name << std::endl;
    std::cout << "  " << replay(*target, arguments[0]) << " inputs" << std::endl;
  }
  return 0;
}

}  // namespace

}  // namespace holdfast::test

int main(int argc, char** argv) {
  try {
    return holdfast::test::run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::cerr << "does not hold: no exception leaves a target: " << error.what() << std::endl;
    return 1;
  }
}
