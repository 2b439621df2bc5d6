#include "interchange/sha256.hpp"

#include <openssl/evp.h>

#include <memory>
#include <new>

namespace holdfast::interchange {

Sha256 sha256(const std::vector<std::string_view>& pieces) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  // Nothing but memory can be missing: the algorithm is built into libcrypto.
  if (!context || EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) != 1) {
    throw std::bad_alloc();
  }
  for (const std::string_view piece : pieces) {
    EVP_DigestUpdate(context.get(), piece.data(), piece.size());
  }
  Sha256 digest{};
  EVP_DigestFinal_ex(context.get(), digest.data(), nullptr);
  return digest;
}

std::string to_hex(const Sha256& digest) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const unsigned byte : digest)
    text += {kDigits[byte >> 4U], kDigits[byte & 15U]};
  return text;
}

}  // namespace holdfast::interchange
