#include "session/entries_of.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"
#include "support/require_error.hpp"
#include "support/temporary_database.hpp"

#include <string>

namespace holdfast {

using test::require_error;
using test::Texts;

TEST_CASE("metadata of a pod is written, replaced, read and removed by its name") {
  test::TemporaryDatabase db(GENERATE(test::Ground::file, test::Ground::memory));
  PodStore pods = db->sessions().pods();
  REQUIRE_FALSE(pods.read_by_name("p"));
  REQUIRE_FALSE(pods.remove_by_name("p"));
  pods.write("p", "{\n \"version\": 18446744073709551615\n}\n");
  REQUIRE(pods.read_by_name("p") == "{\n \"version\": 18446744073709551615\n}\n");
  pods.write("p", "17");
  REQUIRE(pods.read_by_name("p") == "17");
  REQUIRE(pods.list_names() == Texts{"p"});
  REQUIRE(pods.remove_by_name("p"));
  REQUIRE_FALSE(pods.remove_by_name("p"));
  REQUIRE_FALSE(pods.read_by_name("p"));
  REQUIRE(pods.list_names().empty());
}

TEST_CASE("large metadata of a pod goes and comes with its content") {
  test::TemporaryDatabase db(test::Ground::file);
  test::Random random;
  INFO(random);
  std::string large = "[0";
  while (large.size() < 1'500'000)
    large += "," + std::to_string(random.next());
  large += "]";
  PodStore pods = db->sessions().pods();
  pods.write("p", large);
  pods.write("p", large);
  pods.write("q", large);
  REQUIRE(pods.read_by_name("p") == large);
  pods.write("q", "{}");
  REQUIRE(pods.remove_by_name("p"));
  db.close();
  REQUIRE(test::PlainSqlite(db.file()).integer("SELECT count(*) FROM chunk") == 0);
}

TEST_CASE("names of pods are listed in byte order, in pages too") {
  test::TemporaryDatabase db(GENERATE(test::Ground::file, test::Ground::memory));
  PodStore pods = db->sessions().pods();
  for (const std::string name : {"b", "a", "B", "\xc3\xa9", "a.b", "aa", "..."})
    pods.write(name, "{}");
  const Texts names = {"...", "B", "a", "a.b", "aa", "b", "\xc3\xa9"};
  REQUIRE(pods.list_names() == names);
  REQUIRE(pods.list_names({.limit = 2}) == Texts{"...", "B"});
  REQUIRE(pods.list_names({.limit = 2, .after = "B"}) == Texts{"a", "a.b"});
  REQUIRE(pods.list_names({.after = "a.c"}) == Texts{"aa", "b", "\xc3\xa9"});
  REQUIRE(pods.list_names({.after = "\xc3\xa9"}).empty());
}

TEST_CASE("a pod's name is an id that could be a folder's name") {
  test::TemporaryDatabase db(test::Ground::memory);
  PodStore pods = db->sessions().pods();
  for (const std::string& name : {std::string(),
                                  std::string("."),
                                  std::string(".."),
                                  std::string("a/b"),
                                  std::string("/"),
                                  std::string("a\0b", 3),
                                  std::string("\xff"),
                                  std::string(kMaxIdBytes + 1, 'p')}) {
    CAPTURE(name);
    const auto code =
        name.size() > kMaxIdBytes ? ErrorCode::too_large : ErrorCode::invalid_argument;
    require_error(code, [&] { pods.write(name, "{}"); });
    require_error(code, [&] { pods.read_by_name(name); });
    require_error(code, [&] { pods.remove_by_name(name); });
  }
  pods.write("...", "{}");
  pods.write(std::string(kMaxIdBytes, 'p'), "{}");
  REQUIRE(pods.list_names().size() == 2);
}

TEST_CASE("metadata of a pod is one JSON value of at most the configured size") {
  OpenOptions options;
  options.max_payload_bytes = 100;
  test::TemporaryDatabase db(test::Ground::memory, options);
  PodStore pods = db->sessions().pods();
  pods.write("p", "{}");
  for (const std::string bad : {"", " ", "{", "{} {}", "\"\xff\"", "x"}) {
    CAPTURE(bad);
    require_error(ErrorCode::invalid_argument, [&] { pods.write("p", bad); });
  }
  require_error(ErrorCode::too_large, [&] { pods.write("p", "\"" + std::string(99, 'x') + "\""); });
  REQUIRE(pods.read_by_name("p") == "{}");
}

}  // namespace holdfast
