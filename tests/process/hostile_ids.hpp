// Ids and keys that somebody would try who wants to reach another one's data: made of a few innocent ones,
// which are among them, by every trick that we know.
#pragma once

#include "holdfast/state.hpp"
#include "support/random.hpp"

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::test {

class HostileIds {
 public:
  explicit HostileIds(Random& random) : random_(random) {}

  // Any bytes. Valid ids come often, and some come again.
  std::string next() {
    std::string id = innocent();
    for (std::size_t tricks = random_.below(4); tricks > 0; --tricks)
      play_trick(id);
    return id;
  }

  // As rows and snapshots name entries of partitions, or nearly so.
  PartitionKey partition() {
    static constexpr std::array<std::uint32_t, 6> kNumbers{0, 1, 10, 11, 0x7fff'ffff, 0xffff'ffff};
    return {next(), random_.pick(kNumbers), random_.pick(kNumbers)};
  }

 private:
  using Words = std::array<std::string_view, 12>;

  std::string innocent() {
    static constexpr Words kInnocent{
        "a", "b", "op", "op-1", "order", "orders", "Ärger", "session", "1", "10", "x.y", "main"};
    return std::string(random_.pick(kInnocent));
  }

  // What SQL, paths, globs, URLs, shells and formats take for something else.
  static const std::vector<std::string>& snippets() {
    using namespace std::string_literals;
    static const std::vector<std::string> all{"'"s,
                                              "\""s,
                                              "';DROP TABLE state_entry;--"s,
                                              "' OR '1'='1"s,
                                              "%"s,
                                              "_"s,
                                              "*"s,
                                              "?"s,
                                              "[a-z]"s,
                                              "\\"s,
                                              "/"s,
                                              "../"s,
                                              "..\\"s,
                                              "./"s,
                                              "%00"s,
                                              "%2e%2e%2f"s,
                                              "%s%n"s,
                                              "${HOME}"s,
                                              "`id`"s,
                                              "$(id)"s,
                                              "\n"s,
                                              "\r\n"s,
                                              "\t"s,
                                              " "s,
                                              "\x1b[2J"s,
                                              ":"s,
                                              "::"s,
                                              ":0:0:"s,
                                              ":1:0:"s,
                                              "op:1:0:"s,
                                              ","s,
                                              ";"s,
                                              "|"s,
                                              "#"s,
                                              "NULL"s,
                                              "null"s,
                                              "true"s,
                                              "x'00'"s,
                                              "1e0"s,
                                              ".0"s,
                                              "0x1"s,
                                              "-0"s,
                                              "-wal"s,
                                              "-shm"s,
                                              "file:"s,
                                              "?mode=memory"s,
                                              "sqlite_master"s,
                                              "\x7f"s,
                                              "\x01"s,
                                              "{\"a\":1}"s,
                                              "$.a"s,
                                              "~1"s,
                                              "~2"s};
    return all;
  }
  // The same to the eye, or to one who folds and composes.
  static const std::vector<std::string>& lookalikes() {
    using namespace std::string_literals;
    static const std::vector<std::string> all{
        "\u00e9"s, "e\u0301"s, "\u212b"s, "\u00c5"s, "A\u030a"s, "\uff41"s, "\u0430"s,    "\u200b"s,
        "\u200d"s, "\u202e"s,  "\ufeff"s, "\u00a0"s, "\u0130"s,  "\u0131"s, "\u017f"s,    "\u00df"s,
        "SS"s,     "\ufb01"s,  "\u1e9e"s, "\u2024"s, "\u2215"s,  "\uff0f"s, "\U0001f600"s};
    return all;
  }
  // No UTF-8: cut off, over-long, surrogates, beyond the last code point.
  static const std::vector<std::string>& no_text() {
    using namespace std::string_literals;
    static const std::vector<std::string> all{"\0"s,
                                              "\xff"s,
                                              "\xc0\xaf"s,
                                              "\xc3"s,
                                              "\xe2\x82"s,
                                              "\xed\xa0\x80"s,
                                              "\xf4\x90\x80\x80"s,
                                              "\x80"s,
                                              "\xe0\x80\xaf"s};
    return all;
  }

  void play_trick(std::string& id) {
    switch (random_.below(10)) {
      case 0:
      case 1:
        return insert(id, random_.pick(snippets()));
      case 2:
        return insert(id, random_.pick(lookalikes()));
      case 3:
        return insert(id, random_.pick(no_text()));
      case 4:
        return swap_case(id);
      case 5:
        return id.resize(random_.below(id.size() + 1));  // a prefix of another
      case 6:
        id += innocent();
        return;
      case 7:
        id = PartitionKey{id, random_.one_in(2) ? 1U : 10U, 0}.to_prefix() + innocent();
        return;
      case 8:
        return lengthen(id);
      default:
        return insert(id, std::to_string(random_.below(1000)));
    }
  }

  void insert(std::string& id, const std::string& text) {
    id.insert(random_.below(id.size() + 1), text);
  }
  static void swap_case(std::string& id) {
    for (char& c : id) {
      const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
      if (letter) c = static_cast<char>(c ^ 0x20);
    }
  }
  // To just below, at, and beyond the limit of ids.
  void lengthen(std::string& id) {
    static constexpr std::array<std::size_t, 5> kLengths{255, 1000, 1023, 1024, 1025};
    if (random_.one_in(4)) id.resize(random_.pick(kLengths), 'x');
  }

  Random& random_;
};

}  // namespace holdfast::test
