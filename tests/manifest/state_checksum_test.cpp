// Vectors are computed here, with libcrypto alone, from the format's own words.
#include "holdfast/database.hpp"
#include "manifests.hpp"
#include "support/catch.hpp"
#include "support/temporary_database.hpp"

#include <openssl/evp.h>

#include <array>
#include <stdexcept>
#include <string>

namespace holdfast {
namespace {

using test::manifest;

std::string sha256_hex(const std::string& text) {
  std::array<unsigned char, 32> digest{};
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1) {
    throw std::runtime_error("libcrypto computes no SHA-256");
  }
  std::string hex;
  for (const unsigned char byte : digest) {
    for (const unsigned nibble : {byte / 16U, byte % 16U}) {
      hex.push_back("0123456789abcdef"[nibble]);
    }
  }
  return hex;
}

const std::string kNul(1, '\0');
const std::string kInline =
    R"(,"operator_states":{"b":{"state_b64":"AA\/B"},"\u0061é":{"state_b64":"","external":false}})";
// The names in byte order, escapes resolved.
const std::string kInlineDigest = sha256_hex("aé" + kNul + "" + kNul + "b" + kNul + "AA/B" + kNul);
const std::string kMixed =
    R"(,"operator_states":{"z":{"external":true,"external_offset":0,"external_length":5},)"
    R"("b":{"state_b64":"QQ==","external":false},"none":{"state_b64":null}})";
const std::string kMixedInlineDigest = sha256_hex("b" + kNul + "QQ==" + kNul);

std::string declared(const std::string& checksum) {
  return ",\"state_checksum\":\"" + checksum + "\"";
}

bool is_valid(ManifestStore& store, std::uint64_t id) {
  return store.validate_checkpoint(id).valid;
}

TEST_CASE("SHA-256 of these tests is that of the standard") {
  CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("the state checksum is computed in all three forms") {
  test::TemporaryDatabase db(GENERATE(test::Ground::file, test::Ground::memory));
  auto store = db->manifests();
  store.save_with_state(manifest(1), "state");
  CHECK(store.state_checksum(1) == sha256_hex("state"));
  store.save(manifest(2, 1, kInline));
  CHECK(store.state_checksum(2) == kInlineDigest);
  store.save_with_state(manifest(3, 1, kMixed), "state");
  CHECK(store.state_checksum(3) == sha256_hex(kMixedInlineDigest + "state"));
  store.save(manifest(4));
  CHECK(store.state_checksum(4) == std::nullopt);
  CHECK(store.state_checksum(5) == std::nullopt);
  store.save_with_state(manifest(6), "");
  CHECK(store.state_checksum(6) == sha256_hex(""));
  for (const std::uint64_t id : {1U, 2U, 3U, 4U, 6U}) {
    CHECK(is_valid(store, id));
  }
}

TEST_CASE("a declared checksum of each form is right, and kept") {
  test::TemporaryDatabase db(GENERATE(test::Ground::file, test::Ground::memory));
  auto store = db->manifests();
  store.save_with_state(manifest(1, 1, declared(sha256_hex("state"))), "state");
  store.save(manifest(2, 1, kInline + declared(kInlineDigest)));
  const std::string mixed = sha256_hex(kMixedInlineDigest + "state");
  store.save_with_state(manifest(3, 1, kMixed + declared(mixed)), "state");
  for (const std::uint64_t id : {1U, 2U, 3U}) {
    CAPTURE(id);
    CHECK(is_valid(store, id));
  }
  CHECK(store.state_checksum(3) == mixed);
}

TEST_CASE("the older rule, the state alone, is accepted with states inside and outside") {
  test::TemporaryDatabase db;
  auto store = db->manifests();
  store.save_with_state(manifest(1, 1, kMixed + declared(sha256_hex("state"))), "state");
  CHECK(is_valid(store, 1));
  CHECK(store.state_checksum(1) == sha256_hex("state"));
}

TEST_CASE("a declared checksum of anything else makes the checkpoint invalid, and is kept") {
  test::TemporaryDatabase db(GENERATE(test::Ground::file, test::Ground::memory));
  auto store = db->manifests();
  const std::string wrong = sha256_hex("another state");
  store.save_with_state(manifest(1, 1, declared(wrong)), "state");
  store.save(manifest(2, 1, kInline + declared(wrong)));
  store.save_with_state(manifest(3, 1, kMixed + declared(wrong)), "state");
  // The rule for states that all stand in the JSON is not that for mixed ones.
  store.save_with_state(manifest(4, 1, kMixed + declared(kMixedInlineDigest)), "state");
  store.save_with_state(manifest(5, 1, declared("")), "state");
  for (const std::uint64_t id : {1U, 2U, 3U, 4U, 5U}) {
    CAPTURE(id);
    const auto validation = store.validate_checkpoint(id);
    CHECK_FALSE(validation.valid);
    REQUIRE(validation.issues.size() == 1);
    CHECK(validation.issues[0].reason == "the state is not that of the manifest's checksum");
  }
  CHECK(store.state_checksum(1) == wrong);
}

TEST_CASE("the checksum follows a state that was saved ahead, and an updated manifest") {
  test::TemporaryDatabase db(GENERATE(test::Ground::file, test::Ground::memory));
  auto store = db->manifests();
  const std::string mixed = sha256_hex(kMixedInlineDigest + "state");
  store.save_state_data(1, {"sta", "te"});
  store.save(manifest(1, 1, kMixed + declared(mixed)));
  CHECK(is_valid(store, 1));
  store.update_manifest(manifest(1, 1, kMixed + test::kCommitted));
  CHECK(store.state_checksum(1) == mixed);
  store.update_manifest(manifest(1, 1, test::kCommitted));
  CHECK(store.state_checksum(1) == sha256_hex("state"));
  CHECK(is_valid(store, 1));
  store.update_manifest(manifest(1, 1, kMixed + declared(sha256_hex("else"))));
  CHECK_FALSE(is_valid(store, 1));
}

}  // namespace
}  // namespace holdfast
