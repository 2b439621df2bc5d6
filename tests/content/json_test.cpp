#include "content/json.hpp"

#include "content/json_scanner.hpp"
#include "support/catch.hpp"
#include "support/plain_sqlite.hpp"
#include "support/random.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace holdfast {

using content::is_json;
using content::JsonScanner;
using Token = JsonScanner::Token;

namespace {

std::string nested(std::size_t depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

// A random value, valid by construction.
std::string random_json(test::Random& random, std::size_t depth) {
  static const std::vector<std::string> scalars = {"null",
                                                   "true",
                                                   "false",
                                                   "0",
                                                   "-0",
                                                   "17",
                                                   "-9223372036854775808",
                                                   "18446744073709551615",
                                                   "1.5",
                                                   "-2e-7",
                                                   "3E+4",
                                                   "0.0001",
                                                   R"("")",
                                                   R"("text")",
                                                   R"("a\"b\\c\/d\b\f\n\r\t")",
                                                   R"("\u00e9\uD83D\uDE00")",
                                                   "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\""};
  static const std::vector<std::string> spaces = {"", "", "", " ", "\t", "\r", "\n", "  "};
  const auto space = [&] { return random.pick(spaces); };
  if (depth == 0 || random.one_in(3)) return space() + random.pick(scalars) + space();
  const bool object = random.one_in(2);
  std::string text = object ? "{" : "[";
  const std::size_t members = random.below(4);
  for (std::size_t i = 0; i < members; ++i) {
    if (i > 0) text += ",";
    if (object) text += space() + "\"k" + std::to_string(i) + "\"" + space() + ":";
    text += random_json(random, depth - 1);
  }
  return space() + text + (members == 0 ? space() : "") + (object ? "}" : "]") + space();
}

}  // namespace

TEST_CASE("what RFC 8259 allows is JSON") {
  const std::string text = GENERATE(as<std::string>{},
                                    "0",
                                    "-0",
                                    "-1",
                                    "10",
                                    "1.0",
                                    "1e5",
                                    "1E-5",
                                    "1.25e+10",
                                    "true",
                                    "false",
                                    "null",
                                    "\"\"",
                                    "[]",
                                    "{}",
                                    "[[],{}]",
                                    " \t\r\n[ 1 , 2 ]\n",
                                    R"({"a":{"b":[1,{"c":null}]}})",
                                    R"({"a":1,"a":2})",
                                    R"({"":0})",
                                    R"("\u0000\u001f\ud7ff\ue000")",
                                    "\"\x7f\"",
                                    "\"\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\"",
                                    "\"\xee\x80\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"",
                                    "123456789012345678901234567890");
  CAPTURE(text);
  REQUIRE(is_json(text));
}

TEST_CASE(
    "numbers beyond a double and halves of surrogate pairs are JSON, since their bytes are kept") {
  REQUIRE(is_json("1e999"));
  REQUIRE(is_json("-1e-999"));
  REQUIRE(is_json(R"("cut in the middle: \ud83d")"));
  REQUIRE(is_json(R"("\ude00\ud83d")"));
}

TEST_CASE("anything else is not JSON") {
  const std::string text = GENERATE(as<std::string>{},
                                    "",
                                    " ",
                                    "\n",
                                    "nul",
                                    "nulll",
                                    "True",
                                    "+1",
                                    "01",
                                    "-",
                                    "-a",
                                    "1.",
                                    ".5",
                                    "1e",
                                    "1e+",
                                    "0x10",
                                    "NaN",
                                    "Infinity",
                                    "1 2",
                                    "{} {}",
                                    "[1,]",
                                    "[,1]",
                                    "[1 2]",
                                    "{\"a\"}",
                                    "{\"a\":}",
                                    "{\"a\":1,}",
                                    "{a:1}",
                                    "{1:1}",
                                    "{\"a\" 1}",
                                    "{,}",
                                    "[",
                                    "]",
                                    "{",
                                    "}",
                                    "[}",
                                    "{]",
                                    "[1",
                                    "{\"a\":1",
                                    "{\"a\"",
                                    "\"",
                                    "\"a",
                                    "'a'",
                                    "\"\\\"",
                                    "\"\\x\"",
                                    "\"\\u12\"",
                                    "\"\\u12g4\"",
                                    "\"\\",
                                    "\"\\u",
                                    "\"\n\"",
                                    "\"\x01\"",
                                    "\"\x1f\"",
                                    "// a\n1",
                                    "1 // a",
                                    "[1]x",
                                    "\xef\xbb\xbf{}");
  CAPTURE(text);
  REQUIRE_FALSE(is_json(text));
}

TEST_CASE("a NUL is not JSON, wherever it stands") {
  for (const std::string& text : {std::string("\0", 1),
                                  std::string("1\0", 2),
                                  std::string("\"\0\"", 3),
                                  std::string("[\0]", 3),
                                  std::string("\0{}", 3)}) {
    REQUIRE_FALSE(is_json(text));
  }
}

TEST_CASE("text that is not UTF-8 is not JSON") {
  const std::string bytes = GENERATE(as<std::string>{},
                                     "\x80",
                                     "\xbf",
                                     "\xc3",
                                     "\xc0\x80",
                                     "\xc1\xbf",
                                     "\xc3\x28",
                                     "\xe2\x82",
                                     "\xe0\x9f\xbf",
                                     "\xed\xa0\x80",
                                     "\xed\xbf\xbf",
                                     "\xe2\x28\xa1",
                                     "\xf0\x8f\xbf\xbf",
                                     "\xf0\x9f\x98",
                                     "\xf4\x90\x80\x80",
                                     "\xf5\x80\x80\x80",
                                     "\xff",
                                     "\xfe");
  CAPTURE(bytes);
  REQUIRE_FALSE(is_json("\"" + bytes + "\""));
  REQUIRE_FALSE(is_json("\"" + bytes));
  REQUIRE_FALSE(is_json(bytes));
}

TEST_CASE("nesting is JSON up to 512 levels, and no depth overflows the stack") {
  REQUIRE(is_json(nested(512)));
  REQUIRE_FALSE(is_json(nested(513)));
  REQUIRE_FALSE(is_json(std::string(10'000'000, '[')));
  REQUIRE(is_json("[" + nested(511) + "," + nested(511) + "]"));
}

TEST_CASE("only objects and arrays are containers") {
  REQUIRE(content::is_json_container("{}"));
  REQUIRE(content::is_json_container(" \n[1]"));
  REQUIRE_FALSE(content::is_json_container("1"));
  REQUIRE_FALSE(content::is_json_container("\"{}\""));
  REQUIRE_FALSE(content::is_json_container("{"));
  REQUIRE_FALSE(content::is_json_container(""));
  REQUIRE_FALSE(content::is_json_container("  "));
}

TEST_CASE("random documents, whole and damaged, are judged as another parser judges them") {
  test::Random random;
  INFO(random);
  const std::string alphabet = "{}[]\",:0123456789.eE+-\\untrfals \x80\xc3";
  for (int round = 0; round < 4000; ++round) {
    std::string text = random_json(random, 4);
    CAPTURE(text);
    REQUIRE(is_json(text));
    if (text.empty()) continue;
    switch (random.below(3)) {
      case 0:
        text.erase(random.below(text.size()), 1);
        break;
      case 1:
        text[random.below(text.size())] = alphabet[random.below(alphabet.size())];
        break;
      default:
        text.insert(random.below(text.size()), 1, alphabet[random.below(alphabet.size())]);
    }
    CAPTURE(text);
    // Of these the other parser thinks otherwise, as the tests above say.
    const bool surrogate = text.find("\\u") != std::string::npos;
    const bool huge = text.find_first_of("eE") != std::string::npos &&
                      text.find_first_of("0123456789") != std::string::npos;
    if (!surrogate && !huge) REQUIRE(is_json(text) == nlohmann::json::accept(text));
  }
}

TEST_CASE("what is JSON here is JSON to SQLite, so that ->> never fails") {
  test::Random random;
  INFO(random);
  test::PlainSqlite sqlite(":memory:");
  std::vector<std::string> texts = {"1e999", R"("\ud83d")", nested(512), R"({"a":1,"a":2})", "-0"};
  for (int i = 0; i < 500; ++i)
    texts.push_back(random_json(random, 3));
  for (const std::string& text : texts) {
    std::string quoted = "'";
    for (const char c : text)
      quoted += c == '\'' ? "''" : std::string(1, c);
    CAPTURE(text);
    REQUIRE(sqlite.integer("SELECT json_valid(" + quoted + "')") == 1);
    REQUIRE_NOTHROW(sqlite.rows("SELECT " + quoted + "' ->> '$.a'"));
  }
}

TEST_CASE("a byte that means something is noticed at every place of a string") {
  for (std::size_t length = 1; length < 40; ++length) {
    for (std::size_t place = 0; place < length; ++place) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string text(length, 'a');
        text[place] = static_cast<char>(byte);
        text = "\"" + text + "\"";
        const bool plain = byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
        if (is_json(text) != plain)
          FAIL("length " << length << ", place " << place << ", byte " << byte);
      }
    }
  }
}

TEST_CASE("the scanner gives each token as it stands") {
  JsonScanner json(R"( {"a" : [ -1.50e2, "x\ny" , true ], "b": {} } )");
  const auto expect = [&](Token token, std::string_view raw, std::size_t depth) {
    REQUIRE(json.next() == token);
    REQUIRE(json.token() == token);
    REQUIRE(json.raw() == raw);
    REQUIRE(json.depth() == depth);
  };
  expect(Token::begin_object, "{", 1);
  expect(Token::name, "a", 1);
  expect(Token::begin_array, "[", 2);
  expect(Token::number, "-1.50e2", 2);
  expect(Token::string, R"(x\ny)", 2);
  expect(Token::literal, "true", 2);
  expect(Token::end_array, "]", 1);
  expect(Token::name, "b", 1);
  expect(Token::begin_object, "{", 2);
  expect(Token::end_object, "}", 1);
  expect(Token::end_object, "}", 0);
  REQUIRE(json.next() == Token::end);
  REQUIRE(json.next() == Token::end);
}

TEST_CASE("after an error there are only errors") {
  JsonScanner json("[1,,2]");
  REQUIRE(json.next() == Token::begin_array);
  REQUIRE(json.next() == Token::number);
  REQUIRE(json.next() == Token::error);
  REQUIRE(json.next() == Token::error);
  REQUIRE_FALSE(json.skip_value());
}

TEST_CASE("a value is skipped to its own end") {
  JsonScanner json(R"([{"a":[1,{"b":2}]},3])");
  REQUIRE(json.next() == Token::begin_array);
  REQUIRE(json.next() == Token::begin_object);
  REQUIRE(json.skip_value());
  REQUIRE(json.token() == Token::end_object);
  REQUIRE(json.next() == Token::number);
  REQUIRE(json.skip_value());
  REQUIRE(json.raw() == "3");
}

TEST_CASE("escapes stand for the text that they name") {
  const auto unescape = [](std::string_view raw) { return JsonScanner::unescape(raw); };
  REQUIRE(unescape("plain") == "plain");
  REQUIRE(unescape(R"(\"\\\/\b\f\n\r\t)") == "\"\\/\b\f\n\r\t");
  REQUIRE(unescape(R"(\u0041\u00e9\u20AC\uD83D\uDE00)") == "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
  REQUIRE(unescape(R"(\u0000)") == std::string(1, '\0'));
  REQUIRE(unescape(R"(\udbff\udfff)") == "\xf4\x8f\xbf\xbf");
  REQUIRE_FALSE(unescape(R"(\ud83d)"));
  REQUIRE_FALSE(unescape(R"(\ud83dx)"));
  REQUIRE_FALSE(unescape(R"(\ud83d\u0041)"));
  REQUIRE_FALSE(unescape(R"(\ud83d\n)"));
  REQUIRE_FALSE(unescape(R"(\ude00)"));
}

}  // namespace holdfast
