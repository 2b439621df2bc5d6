#include "support/real_data.hpp"

#include "support/files.hpp"
#include "support/store.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <sstream>

namespace bench {

namespace {

// Positions in the traces count code points.
std::u32string decode(const std::string& text) {
  std::u32string points;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      points.push_back(byte);
    } else if (byte >= 0xC0) {
      points.push_back(byte & (byte >= 0xF0 ? 0x07 : byte >= 0xE0 ? 0x0F : 0x1F));
    } else {
      points.back() = points.back() << 6 | (byte & 0x3F);
    }
  }
  return points;
}

std::string encode(const std::u32string& points) {
  std::string text;
  const auto follow = [&](char32_t point, int shift) {
    text.push_back(static_cast<char>(0x80 | (point >> shift & 0x3F)));
  };
  for (const char32_t point : points) {
    if (point < 0x80) {
      text.push_back(static_cast<char>(point));
    } else if (point < 0x800) {
      text.push_back(static_cast<char>(0xC0 | point >> 6));
      follow(point, 0);
    } else if (point < 0x10000) {
      text.push_back(static_cast<char>(0xE0 | point >> 12));
      follow(point, 6);
      follow(point, 0);
    } else {
      text.push_back(static_cast<char>(0xF0 | point >> 18));
      follow(point, 12);
      follow(point, 6);
      follow(point, 0);
    }
  }
  return text;
}

}  // namespace

std::optional<std::string> data_folder() {
  const char* folder = std::getenv("HOLDFAST_TEST_DATA");
  if (folder == nullptr) return std::nullopt;
  return folder;
}

std::string output_of(const std::string& command) {
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) fail(command + ": cannot be run");
  std::string output;
  std::array<char, 65536> buffer;
  while (const std::size_t count = fread(buffer.data(), 1, buffer.size(), pipe))
    output.append(buffer.data(), count);
  if (pclose(pipe) != 0) fail(command + ": failed");
  return output;
}

std::vector<std::string> document_states(const std::string& file, std::size_t count) {
  const auto trace = nlohmann::json::parse(output_of("gzip -dc '" + file + "'"));
  const auto& edits = trace.at("txns");
  std::u32string document = decode(trace.at("startContent").get<std::string>());
  std::vector<std::string> states;
  std::size_t done = 0;
  for (const auto& edit : edits) {
    for (const auto& patch : edit.at("patches"))
      document.replace(patch.at(0).get<std::size_t>(),
                       patch.at(1).get<std::size_t>(),
                       decode(patch.at(2).get<std::string>()));
    if (++done * count / edits.size() > states.size()) states.push_back(encode(document));
  }
  if (states.empty() || states.back() != trace.at("endContent").get<std::string>())
    fail(file + ": the replay does not give the end");
  return states;
}

std::vector<std::string> archived_states(const std::string& file) {
  const std::string unpack = "zstd -q -dc --long=27 '" + file + "' | tar -x ";
  // Each file after its size, so that they can be told apart in one stream.
  std::istringstream stream(
      output_of(unpack + R"(--exclude='INDEX*' --to-command='echo $TAR_SIZE; cat')"));
  std::vector<std::string> states;
  for (std::string size; std::getline(stream, size);) {
    std::string state(std::stoul(size), '\0');
    stream.read(state.data(), static_cast<std::streamsize>(state.size()));
    states.push_back(std::move(state));
  }
  return states;
}

std::vector<Changes> tree_events(const std::string& file) {
  std::istringstream lines(output_of("zstd -q -dc --long=27 '" + file + "'"));
  std::vector<Changes> transactions;
  std::string last;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::array<std::string, 6> field;
    for (std::string& one : field)
      std::getline(fields, one, '\t');
    if (transactions.empty() || field[0] != last) transactions.emplace_back();
    last = field[0];
    Change change{field[3], std::nullopt};
    if (field[2] != "D") change.value = field[4] + " " + field[5];
    transactions.back().push_back(std::move(change));
  }
  return transactions;
}

std::vector<Changes> earthquakes(const std::string& file) {
  const auto collection = nlohmann::json::parse(load_file(file));
  std::vector<Changes> transactions;
  for (const auto& feature : collection.at("features"))
    transactions.push_back({{feature.at("id").get<std::string>(), feature.dump()}});
  return transactions;
}

}  // namespace bench
