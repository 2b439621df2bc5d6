#include "content/chunker.hpp"

#include "content/keyed_digest.hpp"
#include "content/recipe.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <limits>
#include <set>
#include <string>
#include <vector>

namespace holdfast::content {
namespace {

std::set<std::string> cut(const std::string& text, const CutSizes& sizes) {
  std::set<std::string> chunks;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = find_cut(BytesView(text).subspan(at), sizes);
    REQUIRE(length > 0);
    REQUIRE(length <= sizes.max);
    if (at + length < text.size()) REQUIRE(length > sizes.min);
    chunks.insert(text.substr(at, length));
    at += length;
  }
  return chunks;
}

}  // namespace

TEST_CASE("chunks have about the usual length, and never less or more than allowed") {
  test::Random random;
  INFO(random);
  const std::string text = random.bytes(8 << 20);
  for (const CutSizes& sizes : {kFineCuts, kCoarseCuts}) {
    const std::size_t mean = text.size() / cut(text, sizes).size();
    REQUIRE(mean > sizes.usual / 2);
    REQUIRE(mean < sizes.usual * 2);
  }
  REQUIRE(cut(std::string(1 << 20, 'a'), kFineCuts).size() == 1);
}

TEST_CASE("what is inserted moves no cut but those beside it") {
  test::Random random;
  INFO(random);
  const std::string text = random.bytes(1 << 20);
  const auto before = cut(text, kFineCuts);
  const auto after = cut(text.substr(0, 400'000) + "inserted" + text.substr(400'000), kFineCuts);
  std::size_t kept = 0;
  for (const std::string& chunk : after)
    kept += before.count(chunk);
  REQUIRE(kept + 4 >= before.size());
}

TEST_CASE("a recipe of any keys comes back, and nothing else is one") {
  test::Random random;
  INFO(random);
  std::vector<std::int64_t> keys = {1, 1, 5, 4, 1'000'000, 2, std::int64_t{1} << 61, 3};
  for (int i = 0; i < 1000; ++i)
    keys.push_back(static_cast<std::int64_t>(random.next() >> random.below(64) >> 1));
  keys.push_back(keys.back() ^ std::int64_t{1} << 40);  // of several bytes, to be cut
  const Bytes recipe = encode_recipe(keys);
  const auto count = static_cast<std::int64_t>(keys.size());
  REQUIRE(decode_recipe(recipe, count) == keys);
  REQUIRE_FALSE(decode_recipe(recipe, count + 1));
  REQUIRE_FALSE(decode_recipe(BytesView(recipe).first(recipe.size() - 1), count - 1));
  REQUIRE_FALSE(decode_recipe(to_bytes(std::string(20, '\xff')), 1));
  REQUIRE(decode_recipe({}, 0)->empty());
}

TEST_CASE("a keyed digest depends on every byte, on the length and on the secret") {
  Digester one(Secret{std::byte{1}});
  Digester two(Secret{std::byte{2}});
  std::set<KeyedDigest> seen;
  std::string text(100, 'x');
  for (std::size_t length = 0; length <= text.size(); ++length)
    seen.insert(one.digest(text.substr(0, length)));
  for (char& c : text) {
    c = 'y';
    seen.insert(one.digest(text));
    c = 'x';
  }
  seen.insert(two.digest(text));
  REQUIRE(seen.size() == 101 + 100 + 1);
  REQUIRE(one.digest(text) == Digester(Secret{std::byte{1}}).digest(text));
}

}  // namespace holdfast::content
