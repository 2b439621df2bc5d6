// SHA-256, by libcrypto: for manifests and for hash chains of imported files.
//
// Threads  one at a time per object
#pragma once

#include "holdfast/bytes.hpp"

#include <array>
#include <cstddef>
#include <memory>
#include <string>

struct evp_md_ctx_st;

namespace holdfast::content {

using Sha256Digest = std::array<std::byte, 32>;

class Sha256 {
 public:
  Sha256();
  Sha256& update(BytesView bytes);
  // Once; the object is used up.
  Sha256Digest finish();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const noexcept;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

Sha256Digest sha256(BytesView bytes);

// 64 characters, lower case.
std::string to_hex(const Sha256Digest& digest);

}  // namespace holdfast::content
