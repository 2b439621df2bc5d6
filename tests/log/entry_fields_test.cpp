#include "log/entry_fields.hpp"

#include "holdfast/limits.hpp"
#include "log/iso_time.hpp"
#include "support/catch.hpp"

#include <string>

namespace holdfast {

using log::EntryFields;
using log::Origin;
using log::parse_iso_time_us;
using log::scan_entry;
using log::scan_json;

namespace {

EntryFields fields_of(const std::string& entry) {
  CAPTURE(entry);
  const auto fields = scan_entry(entry);
  REQUIRE(fields.has_value());
  return *fields;
}

std::optional<std::int64_t> time_of(const std::string& entry) {
  return fields_of(entry).time_us;
}
std::optional<std::int64_t> turn_of(const std::string& entry) {
  return fields_of(entry).turn;
}

}  // namespace

TEST_CASE("an entry is one JSON value in UTF-8 without a line feed") {
  REQUIRE(scan_entry(R"({"a":1})"));
  REQUIRE(scan_entry(" [1]\r"));
  REQUIRE_FALSE(scan_entry(""));
  REQUIRE_FALSE(scan_entry(" "));
  REQUIRE_FALSE(scan_entry("{} {}"));
  REQUIRE_FALSE(scan_entry("{}\n"));
  REQUIRE_FALSE(scan_entry("{\n}"));
  REQUIRE_FALSE(scan_entry("\"\xff\""));
  REQUIRE_FALSE(scan_entry(R"({"kind":)"));
  REQUIRE_FALSE(scan_entry(R"({"forked_from":{"segment_id":"x",}})"));
  REQUIRE_FALSE(scan_entry(R"({"forked_from":{"segment_id"}})"));
  REQUIRE(scan_json("{\n}\n"));
}

TEST_CASE("the kind is `kind`, else `type`, else the only key, else the text itself") {
  const auto kind = [](const std::string& entry) { return fields_of(entry).kind; };
  REQUIRE(kind(R"({"kind":"user_input","type":"message"})") == "user_input");
  REQUIRE(kind(R"({"type":"message","kind":"user_input"})") == "user_input");
  REQUIRE(kind(R"({"type":"message","ts":1})") == "message");
  REQUIRE(kind(R"({"StateUpdated":{"step_id":"s","type":"inner"}})") == "StateUpdated");
  REQUIRE(kind(R"("Completed")") == "Completed");
  REQUIRE(kind(R"({"k\u0069nd":"\u00e9t\u00e9"})") == "\xc3\xa9t\xc3\xa9");
  REQUIRE(kind(R"({"a":1,"b":2})") == std::nullopt);
  REQUIRE(kind(R"({"kind":7,"type":"message"})") == "message");
  REQUIRE(kind(R"({"kind":"first","kind":"second"})") == "first");
  REQUIRE(kind("{}") == std::nullopt);
  REQUIRE(kind("17") == std::nullopt);
  REQUIRE(kind(R"(["kind","x"])") == std::nullopt);
}

TEST_CASE("a kind that is no word that a column can hold is as if absent") {
  const auto kind = [](const std::string& text) {
    return fields_of("{\"kind\":\"" + text + "\",\"x\":1}").kind;
  };
  REQUIRE(kind(std::string(log::kMaxKindBytes, 'k')) == std::string(log::kMaxKindBytes, 'k'));
  REQUIRE(kind(std::string(log::kMaxKindBytes + 1, 'k')) == std::nullopt);
  REQUIRE(kind(std::string(1'000'000, 'k')) == std::nullopt);
  REQUIRE(kind(R"(a\u0000b)") == std::nullopt);
  REQUIRE(kind(R"(\ud83d)") == std::nullopt);
}

TEST_CASE("the time is `ts` in milliseconds, else `timestamp`") {
  REQUIRE(time_of(R"({"ts":1700000000123})") == 1'700'000'000'123'000);
  REQUIRE(time_of(R"({"ts":1700000000123.25})") == 1'700'000'000'123'250);
  REQUIRE(time_of(R"({"ts":1.7e12})") == 1'700'000'000'000'000);
  REQUIRE(time_of(R"({"ts":-1})") == -1000);
  REQUIRE(time_of(R"({"timestamp":5,"ts":7})") == 7000);
  REQUIRE(time_of(R"({"timestamp":5})") == 5000);
  REQUIRE(time_of(R"({"timestamp":"2023-11-14T22:13:20.123Z"})") == 1'700'000'000'123'000);
  REQUIRE(time_of(R"({"timestamp":"2023-11-14T22:13:20\u002b00:00"})") == 1'700'000'000'000'000);
  REQUIRE(time_of(R"({"ts":"2023-11-14T22:13:20Z"})") == std::nullopt);
  REQUIRE(time_of(R"({"timestamp":"yesterday"})") == std::nullopt);
  REQUIRE(time_of(R"({"timestamp":null,"ts":[1]})") == std::nullopt);
  REQUIRE(time_of(R"({"inner":{"ts":1}})") == std::nullopt);
}

TEST_CASE("a time that microseconds cannot hold is as if absent") {
  REQUIRE(time_of(R"({"ts":9223372036854775})") == 9'223'372'036'854'775'000);
  REQUIRE(time_of(R"({"ts":9223372036854776})") == std::nullopt);
  REQUIRE(time_of(R"({"ts":-9223372036854776})") == std::nullopt);
  REQUIRE(time_of(R"({"ts":9223372036854775807})") == std::nullopt);
  REQUIRE(time_of(R"({"ts":-9223372036854775808})") == std::nullopt);
  REQUIRE(time_of(R"({"ts":18446744073709551615})") == std::nullopt);
  REQUIRE(time_of(R"({"ts":1e15})") == 1'000'000'000'000'000'000);
  REQUIRE(time_of(R"({"ts":1e16})") == std::nullopt);
  REQUIRE(time_of(R"({"ts":1e999})") == std::nullopt);
  REQUIRE(time_of(R"({"ts":-1e999})") == std::nullopt);
}

TEST_CASE("the turn is `turn_count`, exact to its last bit") {
  REQUIRE(turn_of(R"({"turn_count":0})") == 0);
  REQUIRE(turn_of(R"({"turn_count":9007199254740993})") == 9007199254740993);
  REQUIRE(turn_of(R"({"turn_count":9223372036854775807})") == 9223372036854775807);
  REQUIRE(turn_of(R"({"turn_count":9223372036854775808})") == std::nullopt);
  REQUIRE(turn_of(R"({"turn_count":-1})") == std::nullopt);
  REQUIRE(turn_of(R"({"turn_count":1.0})") == std::nullopt);
  REQUIRE(turn_of(R"({"turn_count":"1"})") == std::nullopt);
}

TEST_CASE("origins are read from their objects") {
  const EntryFields fields = fields_of(
      R"({"kind":"segment_start","forked_from":{"x":{"segment_id":"no"},"segment_id":"a",)"
      R"("at_turn_index":3},"compacted_from":{"segment_id":"b"},"ts":1})");
  REQUIRE(fields.forked_from == Origin{"a", 3});
  REQUIRE(fields.compacted_from == Origin{"b", std::nullopt});
  REQUIRE(fields.time_us == 1000);
}

TEST_CASE("an origin without a usable segment is as if absent") {
  const auto origin = [](const std::string& value) {
    return fields_of("{\"forked_from\":" + value + ",\"x\":1}").forked_from;
  };
  REQUIRE(origin("null") == std::nullopt);
  REQUIRE(origin("\"a\"") == std::nullopt);
  REQUIRE(origin("{}") == std::nullopt);
  REQUIRE(origin(R"({"at_turn_index":1})") == std::nullopt);
  REQUIRE(origin(R"({"segment_id":1})") == std::nullopt);
  REQUIRE(origin(R"({"segment_id":""})") == std::nullopt);
  REQUIRE(origin(R"({"segment_id":"a\u0000b"})") == std::nullopt);
  REQUIRE(origin("{\"segment_id\":\"" + std::string(kMaxIdBytes + 1, 'a') + "\"}") == std::nullopt);
  REQUIRE(origin(R"({"segment_id":"a","at_turn_index":-1})") == Origin{"a", std::nullopt});
}

TEST_CASE("ISO 8601 times are read with and without fraction and zone") {
  REQUIRE(parse_iso_time_us("1970-01-01T00:00:00Z") == 0);
  REQUIRE(parse_iso_time_us("1970-01-01") == 0);
  REQUIRE(parse_iso_time_us("1970-01-01T00:01") == 60'000'000);
  REQUIRE(parse_iso_time_us("1970-01-01 00:00:01") == 1'000'000);
  REQUIRE(parse_iso_time_us("1970-01-01t00:00:01.5z") == 1'500'000);
  REQUIRE(parse_iso_time_us("1970-01-01T00:00:00,000001Z") == 1);
  REQUIRE(parse_iso_time_us("1970-01-01T00:00:00.123456789Z") == 123'456);
  REQUIRE(parse_iso_time_us("1970-01-01T01:00:00+01:00") == 0);
  REQUIRE(parse_iso_time_us("1970-01-01T01:00:00+0100") == 0);
  REQUIRE(parse_iso_time_us("1970-01-01T01:00:00+01") == 0);
  REQUIRE(parse_iso_time_us("1969-12-31T18:30:00-05:30") == 0);
  REQUIRE(parse_iso_time_us("2024-02-29T12:00:00Z") == 1'709'208'000'000'000);
  REQUIRE(parse_iso_time_us("2016-12-31T23:59:60Z") == parse_iso_time_us("2017-01-01T00:00:00Z"));
  REQUIRE(parse_iso_time_us("0000-01-01T00:00:00Z") == -62'167'219'200'000'000);
  REQUIRE(parse_iso_time_us("9999-12-31T23:59:59.999999Z") == 253'402'300'799'999'999);
}

TEST_CASE("what is no ISO 8601 time is nothing") {
  const std::string text = GENERATE(as<std::string>{},
                                    "",
                                    "now",
                                    "2024",
                                    "2024-01",
                                    "24-01-01",
                                    "2024-1-1",
                                    "2024-13-01",
                                    "2024-00-10",
                                    "2024-02-30",
                                    "2023-02-29",
                                    "2024-01-01T",
                                    "2024-01-01T10",
                                    "2024-01-01T24:00",
                                    "2024-01-01T10:60",
                                    "2024-01-01T10:00:61",
                                    "2024-01-01T10:00:00.",
                                    "2024-01-01T10:00:00x",
                                    "2024-01-01T10:00:00Zx",
                                    "2024-01-01T10:00:00+",
                                    "2024-01-01Z",
                                    "2024-01-01T10:00:00+1",
                                    "2024-01-01T10:00:00+01:",
                                    "20240101T100000Z",
                                    "+2024-01-01",
                                    "-024-01-01",
                                    " 2024-01-01",
                                    "2024-01-01 ");
  CAPTURE(text);
  REQUIRE_FALSE(parse_iso_time_us(text));
}

}  // namespace holdfast
