#include "content/row_digest.hpp"
#include "content/sha256.hpp"
#include "support/catch.hpp"

#include <string>
#include <vector>

namespace holdfast {

using content::RowDigest;

TEST_CASE("SHA-256 gives the published values") {
  REQUIRE(content::to_hex(content::sha256("")) ==
          "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  REQUIRE(content::to_hex(content::sha256("abc")) ==
          "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  content::Sha256 digest;
  for (int i = 0; i < 1000; ++i)
    digest.update(std::string(1000, 'a'));
  REQUIRE(content::to_hex(digest.finish()) ==
          "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("a row's digest depends on each value, its type, its place and its absence") {
  const std::optional<std::int64_t> none;
  const engine::Value null;
  const engine::Value text{engine::Value::Type::text, "1"};
  const engine::Value blob{engine::Value::Type::blob, "1"};
  const std::vector<std::int64_t> digests = {
      RowDigest().value(),
      RowDigest().add(std::int64_t{0}).value(),
      RowDigest().add(std::int64_t{1}).value(),
      RowDigest().add(std::int64_t{1}).add(std::int64_t{2}).value(),
      RowDigest().add(std::int64_t{2}).add(std::int64_t{1}).value(),
      RowDigest().add(none).value(),
      RowDigest().add(none).add(none).value(),
      RowDigest().add(std::optional<std::int64_t>(0)).value(),
      RowDigest().add(std::optional<std::int64_t>(1)).value(),
      RowDigest().add(null).value(),
      RowDigest().add(text).value(),
      RowDigest().add(blob).value(),
      RowDigest().add(std::string_view("")).value(),
      RowDigest().add(BytesView()).value(),
      RowDigest().add(std::string_view("ab")).add(std::string_view("c")).value(),
      RowDigest().add(std::string_view("a")).add(std::string_view("bc")).value(),
      RowDigest().add(std::string_view("abc")).value(),
      RowDigest().add(BytesView("abc")).value(),
  };
  for (std::size_t i = 0; i < digests.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      CAPTURE(i, j);
      REQUIRE(digests[i] != digests[j]);
    }
  }
  REQUIRE(RowDigest().add(text).value() == RowDigest().add(std::string_view("1")).value());
  REQUIRE(RowDigest().add(blob).value() == RowDigest().add(BytesView("1")).value());
}

TEST_CASE("a row's digest notices every flipped bit") {
  const std::string text = "an entry of some length, beyond what fits a word";
  const std::int64_t digest = RowDigest().add(std::int64_t{7}).add(text).value();
  for (std::size_t bit = 0; bit < text.size() * 8; ++bit) {
    std::string flipped = text;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    REQUIRE(RowDigest().add(std::int64_t{7}).add(flipped).value() != digest);
  }
  for (int bit = 0; bit < 64; ++bit) {
    const auto key = static_cast<std::int64_t>(std::uint64_t{7} ^ (std::uint64_t{1} << bit));
    REQUIRE(RowDigest().add(key).add(text).value() != digest);
  }
}

TEST_CASE("a row's digest is a part of the file format and never changes") {
  const std::int64_t digest = RowDigest()
                                  .add(std::int64_t{4294967297})
                                  .add(std::optional<std::string_view>())
                                  .add(std::optional<std::string_view>("user_input"))
                                  .add(BytesView(std::string(300, 'x')))
                                  .add(engine::Value())
                                  .value();
  REQUIRE(digest == -2004679563738433515);
}

}  // namespace holdfast
