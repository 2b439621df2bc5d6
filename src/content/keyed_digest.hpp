// A digest under a secret of the file: GMAC, by libcrypto. What two byte sequences are believed equal
// from, and what every chunk and content is checked by when it is read.
//
// It is a universal hash: whoever does not know the secret cannot choose two sequences that collide
// (2^-128 for each 16 bytes). Measured: 5 GB/s, where SHA-256 runs at 2.
//
// Threads  one at a time per object
#pragma once

#include "engine/connection.hpp"
#include "holdfast/bytes.hpp"

#include <array>
#include <cstddef>
#include <memory>

struct evp_cipher_ctx_st;

namespace holdfast::content {

using KeyedDigest = std::array<std::byte, 16>;
using Secret = std::array<std::byte, 16>;

class Digester {
 public:
  explicit Digester(const Secret& secret);
  KeyedDigest digest(BytesView bytes);

 private:
  struct Free {
    void operator()(evp_cipher_ctx_st* context) const noexcept;
  };
  std::unique_ptr<evp_cipher_ctx_st, Free> context_;
};

// With the secret of this file, as this transaction sees it. corrupt: both copies of it are lost.
Digester& digester(engine::Connection& db);
// The same; makes the secret where there is none yet.
Digester& digester_for_writing(engine::Connection& db);

}  // namespace holdfast::content
