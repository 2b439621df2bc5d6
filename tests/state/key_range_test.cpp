#include "state/key_range.hpp"

#include "support/catch.hpp"
#include "support/require_error.hpp"

#include <string>

using namespace holdfast;
using state::KeyRange;

namespace {

std::string end_of_prefix(const std::string& prefix) {
  const auto range = KeyRange::of_prefix(prefix);
  return range.to ? std::string(as_text(*range.to)) : std::string("(none)");
}

}  // namespace

TEST_CASE("the end of a prefix is the first key above all that begin with it") {
  REQUIRE(end_of_prefix("a") == "b");
  REQUIRE(end_of_prefix("a\x7f") == "a\x80");
  REQUIRE(end_of_prefix("a\xff") == "b");
  REQUIRE(end_of_prefix("a\xfe\xff\xff") == "a\xff");
  REQUIRE(end_of_prefix(std::string("a\0", 2)) == "a\x01");
}

TEST_CASE("a prefix of 0xff bytes only, and the empty one, have no end") {
  REQUIRE(end_of_prefix("") == "(none)");
  REQUIRE(end_of_prefix("\xff") == "(none)");
  REQUIRE(end_of_prefix("\xff\xff\xff") == "(none)");
}

TEST_CASE("a range without end is above the largest key") {
  const KeyRange range;
  const std::string largest(kMaxKeyBytes, '\xff');
  REQUIRE(largest < as_text(range.end()));
}

TEST_CASE("going on after a key leaves out that key and nothing else") {
  KeyRange range = KeyRange::of_prefix("a");
  range.go_on_after("ab", false);
  REQUIRE(as_text(range.from) == std::string_view("ab\0", 3));
  range.go_on_after("aa", false);  // behind it already
  REQUIRE(as_text(range.from) == std::string_view("ab\0", 3));
  range.go_on_after("ad", true);
  REQUIRE(as_text(*range.to) == "ad");
  range.go_on_after("az", true);
  REQUIRE(as_text(*range.to) == "ad");
}

TEST_CASE("bounds longer than any key are refused") {
  const std::string longest(kMaxKeyBytes, 'k');
  const std::string too_long(kMaxKeyBytes + 1, 'k');
  REQUIRE_NOTHROW(KeyRange::of_prefix(longest));
  REQUIRE_NOTHROW(KeyRange::between(longest, BytesView(longest)));
  test::require_error(ErrorCode::too_large, [&] { KeyRange::of_prefix(too_long); });
  test::require_error(ErrorCode::too_large, [&] { KeyRange::between(too_long, std::nullopt); });
  test::require_error(ErrorCode::too_large, [&] { KeyRange::between("", BytesView(too_long)); });
  test::require_error(ErrorCode::too_large,
                      [&] { state::within({}, {.after = to_bytes(too_long)}); });
}
