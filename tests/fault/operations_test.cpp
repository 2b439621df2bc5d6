// The table of operations against the headers: what is declared there and not in the table is found here.
#include "fault/operations.hpp"

#include "support/catch.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <string>

using namespace holdfast;

namespace {

// What the table has under another name: all of Batch is in Database::commit, handles are made by every operation.
const std::set<std::string> kElsewhere = {
    "Batch", "Ticket", "Manifest", "Error", "Uuid", "IdRef", "BytesView", "PayloadList"};
const std::set<std::string> kHandles = {"Database::checkpoints",
                                        "Database::sessions",
                                        "Database::runs",
                                        "Database::manifests",
                                        "Database::state",
                                        "Database::leases",
                                        "Database::path",
                                        "Database::open",
                                        "SessionStore::pods",
                                        "StateBackend::mode",
                                        "StateBackend::partition",
                                        "StatePartition::key"};

// "Class::function" of what the public headers declare.
std::set<std::string> declared_operations() {
  std::set<std::string> found;
  const std::regex begin("^class HOLDFAST_API (\\w+).*\\{$");
  const std::regex function("^  (?! )(?:static )?[\\w:<>, ]+[&>\\w]\\s(\\w+)\\(.*");
  const auto folder =
      std::filesystem::path(std::getenv("HOLDFAST_SOURCE_DIR")) / "include/holdfast";
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    std::ifstream in(file.path());
    std::string line;
    std::string name;
    bool visible = false;
    for (std::smatch match; std::getline(in, line);) {
      if (std::regex_match(line, match, begin)) name = match[1];
      if (line.starts_with("class ") && !std::regex_match(line, begin)) name.clear();
      if (line == " public:") visible = !name.empty();
      if (line == " private:" || line == " protected:" || line == "};") visible = false;
      if (visible && std::regex_match(line, match, function))
        found.insert(name + "::" + match[1].str());
    }
  }
  return found;
}

}  // namespace

TEST_CASE("the table has every operation that the public headers declare") {
  std::string names;
  for (const auto* table : {&test::kDatabaseOperations,
                            &test::kLogOperations,
                            &test::kStateOperations,
                            &test::kValueOperations,
                            &test::kCareOperations}) {
    for (const auto& operation : *table)
      names += std::string(operation.name) + "\n";
  }
  const auto declared = declared_operations();
  REQUIRE(declared.size() > 100);
  for (const auto& operation : declared) {
    const auto owner = operation.substr(0, operation.find(':'));
    if (kElsewhere.contains(owner) || kHandles.contains(operation)) continue;
    CAPTURE(operation);
    CHECK(names.find(operation) != std::string::npos);
  }
}
