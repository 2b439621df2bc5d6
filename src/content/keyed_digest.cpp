#include "content/keyed_digest.hpp"

#include "content/row_digest.hpp"
#include "engine/statement.hpp"
#include "holdfast/error.hpp"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <new>
#include <optional>

namespace holdfast::content {
namespace {

// Only a libcrypto that was configured without AES gets here: nothing can be written or checked.
void require(int result) {
  if (result != 1) throw Error(ErrorCode::unsupported, "this libcrypto computes no GMAC");
}

unsigned char* as_unsigned(std::byte* bytes) {
  return reinterpret_cast<unsigned char*>(bytes);
}
const unsigned char* as_unsigned(const std::byte* bytes) {
  return reinterpret_cast<const unsigned char*>(bytes);
}

struct SecretStatements {
  explicit SecretStatements(engine::Connection& db)
      : find(db,
             "SELECT secret, digest FROM content_secret"
             " UNION ALL SELECT secret, digest FROM content_secret_copy"),
        insert(db, "INSERT INTO content_secret (secret_key, secret, digest) VALUES (1, ?1, ?2)"),
        insert_copy(
            db, "INSERT INTO content_secret_copy (secret_key, secret, digest) VALUES (1, ?1, ?2)") {
  }
  engine::Statement find;
  engine::Statement insert;
  engine::Statement insert_copy;

  // What was made last, for as long as the file says the same.
  Secret secret = {};
  std::optional<Digester> digester = {};
};

std::int64_t digest_of(BytesView secret) {
  return RowDigest().add(std::int64_t{1}).add(secret).value();
}

enum class Found : std::uint8_t { nothing, damaged, secret };

Found find_secret(SecretStatements& statements, Secret& secret) {
  Found found = Found::nothing;
  auto row = statements.find.run();
  while (row.step()) {
    const BytesView bytes = row.bytes(0);
    if (bytes.size() == secret.size() && digest_of(bytes) == row.integer(1)) {
      std::ranges::copy(bytes, secret.begin());
      return Found::secret;
    }
    found = Found::damaged;
  }
  return found;
}

Secret make_secret(SecretStatements& statements) {
  Secret secret;
  if (RAND_bytes(as_unsigned(secret.data()), static_cast<int>(secret.size())) != 1) {
    throw Error(ErrorCode::io, "there are no random bytes to be had");
  }
  statements.insert.execute(BytesView(secret), digest_of(BytesView(secret)));
  statements.insert_copy.execute(BytesView(secret), digest_of(BytesView(secret)));
  return secret;
}

Digester& keep(SecretStatements& statements, const Secret& secret) {
  if (!statements.digester || statements.secret != secret) {
    statements.digester.emplace(secret);
    statements.secret = secret;
  }
  return *statements.digester;
}

}  // namespace

void Digester::Free::operator()(evp_cipher_ctx_st* context) const noexcept {
  EVP_CIPHER_CTX_free(context);
}

Digester::Digester(const Secret& secret) : context_(EVP_CIPHER_CTX_new()) {
  if (!context_) throw std::bad_alloc();
  require(EVP_EncryptInit_ex(
      context_.get(), EVP_aes_128_gcm(), nullptr, as_unsigned(secret.data()), nullptr));
}

KeyedDigest Digester::digest(BytesView bytes) {
  // One nonce for all: the tag is a hash under the secret, and nothing is encrypted.
  constexpr std::array<unsigned char, 12> kNonce{};
  constexpr std::size_t kStep = std::size_t{1} << 30;
  int size = 0;
  require(EVP_EncryptInit_ex(context_.get(), nullptr, nullptr, nullptr, kNonce.data()));
  for (std::size_t at = 0; at < bytes.size(); at += kStep) {
    require(EVP_EncryptUpdate(context_.get(),
                              nullptr,
                              &size,
                              as_unsigned(bytes.data() + at),
                              static_cast<int>(std::min(kStep, bytes.size() - at))));
  }
  KeyedDigest digest;
  require(EVP_EncryptFinal_ex(context_.get(), as_unsigned(digest.data()), &size));
  require(EVP_CIPHER_CTX_ctrl(
      context_.get(), EVP_CTRL_GCM_GET_TAG, static_cast<int>(digest.size()), digest.data()));
  return digest;
}

Digester& digester(engine::Connection& db) {
  auto& statements = db.statements<SecretStatements>();
  Secret secret;
  if (find_secret(statements, secret) != Found::secret) {
    throw Error(ErrorCode::corrupt, "the file has lost the secret of its digests");
  }
  return keep(statements, secret);
}

Digester& digester_for_writing(engine::Connection& db) {
  auto& statements = db.statements<SecretStatements>();
  Secret secret;
  switch (find_secret(statements, secret)) {
    case Found::secret:
      break;
    case Found::nothing:
      secret = make_secret(statements);
      break;
    case Found::damaged:
      throw Error(ErrorCode::corrupt, "the file has lost the secret of its digests");
  }
  return keep(statements, secret);
}

}  // namespace holdfast::content
