#include "cli/format.hpp"

#include "cli/json_text.hpp"
#include "cli/listing.hpp"
#include "support/catch.hpp"

#include <cstdint>
#include <limits>
#include <string>

using namespace holdfast;
using namespace holdfast::cli;

TEST_CASE("counts are grouped in threes") {
  CHECK(human_count(std::uint64_t{0}) == "0");
  CHECK(human_count(std::uint64_t{999}) == "999");
  CHECK(human_count(std::uint64_t{1000}) == "1,000");
  CHECK(human_count(std::uint64_t{123456}) == "123,456");
  CHECK(human_count(std::numeric_limits<std::uint64_t>::max()) == "18,446,744,073,709,551,615");
  CHECK(human_count(std::int64_t{-1234}) == "-1,234");
  CHECK(human_count(std::numeric_limits<std::int64_t>::min()) == "-9,223,372,036,854,775,808");
}

TEST_CASE("sizes have the unit that keeps them short") {
  CHECK(human_bytes(0) == "0 B");
  CHECK(human_bytes(1023) == "1023 B");
  CHECK(human_bytes(1024) == "1.0 KiB");
  CHECK(human_bytes(1536) == "1.5 KiB");
  CHECK(human_bytes(1024 * 1024 - 1) == "1.0 MiB");
  CHECK(human_bytes(std::numeric_limits<std::uint64_t>::max()) == "16.0 EiB");
}

TEST_CASE("times are ISO 8601; what is no time of this calendar stays a number") {
  CHECK(iso_time(0) == "1970-01-01T00:00:00.000Z");
  CHECK(iso_time(1'769'860'800'123'456) == "2026-01-31T12:00:00.123Z");
  CHECK(iso_time(-1) == "1969-12-31T23:59:59.999Z");
  CHECK(iso_time(std::numeric_limits<std::int64_t>::max()) == "9223372036854775807");
  CHECK(iso_time_of_ms(1'769'860'800'123) == "2026-01-31T12:00:00.123Z");
  CHECK(iso_time_of_ms(std::numeric_limits<std::uint64_t>::max()) == "18446744073709551615");
}

TEST_CASE("printable text has no control characters and is UTF-8") {
  CHECK(printable("") == "\"\"");
  CHECK(printable("plain") == "plain");
  CHECK(printable("a\tb\x7f") == "a\\x09b\\x7f");
  CHECK(printable("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80") ==
        "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
  CHECK(printable("\xc2\x9b") == "\\xc2\\x9b");                             // a C1 control
  CHECK(printable("\xff\xc3") == "\\xff\\xc3");                             // no UTF-8, and cut off
  CHECK(printable("\xc0\xaf\xed\xa0\x80") == "\\xc0\\xaf\\xed\\xa0\\x80");  // overlong, surrogate
  CHECK(display_width("\xc3\xa9\xe2\x82\xac") == 2);
}

TEST_CASE("base64 pads") {
  CHECK(base64("") == "");
  CHECK(base64("f") == "Zg==");
  CHECK(base64("fo") == "Zm8=");
  CHECK(base64("foo") == "Zm9v");
  CHECK(base64("foobar") == "Zm9vYmFy");
  CHECK(base64("\xff\xfe") == "//4=");
}

TEST_CASE("what is JSON is told from what only begins so") {
  CHECK(is_json("{\"a\":[1,2]}"));
  CHECK(is_json(" 1 "));
  CHECK_FALSE(is_json(""));
  CHECK_FALSE(is_json("{} {}"));
  CHECK_FALSE(is_json(std::string("{}\0x", 4)));
  CHECK_FALSE(is_json("\xef\xbb\xbf{}"));
  CHECK_FALSE(is_json("\"\xff\""));
}

TEST_CASE("JSON objects keep order, exact numbers, and stay on one line") {
  JsonObject object;
  object.add("a", "x\n\"")
      .add("b", std::numeric_limits<std::uint64_t>::max())
      .add("c", std::numeric_limits<std::int64_t>::min())
      .add_flag("d", true)
      .add_null("e")
      .add_json("f", "{\n  \"g\": 1\r\n}");
  CHECK(
      object.str() ==
      R"({"a": "x\n\"", "b": 18446744073709551615, "c": -9223372036854775808, "d": true, "e": null, )"
      R"("f": {   "g": 1  }})");
  CHECK(JsonObject().str() == "{}");
  CHECK(JsonArray().str() == "[]");
}

TEST_CASE("a listing is a table for people and an array for programs") {
  Listing listing(
      {{"name", "NAME"}, {"raw_bytes", "SIZE", Kind::bytes}, {"sound", "SOUND", Kind::flag}});
  CHECK(listing.table().empty());
  CHECK(listing.json() == "[]");
  listing.add({std::string("\xc3\xa9"), std::uint64_t{2048}, true});
  listing.add({std::string("longer"), {}, false});
  CHECK(listing.table() ==
        "NAME       SIZE  SOUND\n"
        "\xc3\xa9       2.0 KiB  yes\n"
        "longer           no\n");
  CHECK(listing.json() ==
        "[\n{\"name\": \"\xc3\xa9\", \"raw_bytes\": 2048, \"sound\": true},\n"
        "{\"name\": \"longer\", \"raw_bytes\": null, \"sound\": false}\n]");
}
